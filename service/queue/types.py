"""Values that the queue exchanges with producers and workers; what a job does is no concern of the queue."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from models.priority import Priority
from service.telemetry.request_context import NOBODY, Sender

JobState = Literal["queued", "running", "retrying", "done", "failed", "cancelled", "dead"]
FINAL_STATES: frozenset[JobState] = frozenset({"done", "failed", "cancelled", "dead"})

Problem = dict[str, Any]  # a problem+json body


def problem_code(problem: Problem) -> str:
    """The last part of the problem's type."""
    return str(problem.get("type", "internal")).rpartition(":")[2]


@dataclass(frozen=True, slots=True)
class NewJob:
    """`work` is JSON; `payloads` hold what is too large for it, each stored once however many jobs bring it.

    The same `idempotency_key` gives the same job for as long as that job is kept. A job that has not started by
    `expires` (seconds of `time.time`) fails. `attempts` overrides the queue's number of attempts. A job that
    `follows_up` on an accepted one (a callback, a part of a batch) is taken even if the results of ended jobs fill
    their bytes.
    """

    work: dict[str, Any]
    priority: Priority = "interactive"
    payloads: tuple[bytes, ...] = ()
    idempotency_key: str | None = None
    expires: float | None = None
    attempts: int | None = None
    follows_up: bool = False


@dataclass(frozen=True, slots=True)
class JobOrigin:
    """The request that enqueued a job, its sender, and the W3C headers that continue its trace."""

    request_id: str | None = None
    trace: Mapping[str, str] = field(default_factory=dict)
    sender: Sender = NOBODY

    @classmethod
    def parse(cls, text: bytes | None) -> "JobOrigin":
        """From JSON; jobs of versions before keys have no sender."""
        if not text:
            return cls()
        fields = orjson.loads(text)
        return cls(fields["request_id"], fields["trace"], Sender(**fields.get("sender", {})))


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A job as a worker takes it. `run` grows with every start, by any worker; only the last run's outcome counts."""

    id: str
    work: dict[str, Any]
    payload_names: tuple[str, ...]  # in the order of `NewJob.payloads`
    priority: Priority
    attempt: int  # from 1
    run: int
    created: float
    expires: float | None
    origin: JobOrigin = JobOrigin()


@dataclass(frozen=True, slots=True)
class JobProgress:
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class JobStatus:
    """Times are seconds of `time.time`, by the queue server's clock. `started` is the start of the last attempt.

    The job belongs to `tenant`; to nobody where that is None.
    """

    id: str
    state: JobState
    priority: Priority
    attempts: int
    created: float
    started: float | None = None
    ended: float | None = None
    progress: JobProgress | None = None
    error: Problem | None = None
    tenant: str | None = None

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES


@dataclass(frozen=True, slots=True)
class JobEvent:
    """`number` counts the events of a job, from 1. `facts` are the details of the event."""

    number: int
    name: Literal["queued", "started", "progress", "retrying", "done", "failed", "cancelled", "dead"]
    at: float
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobResult:
    """The answer of a job, as the bytes and headers of a response."""

    body: bytes
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """Jobs of one priority. `oldest_seconds` is how long the first one has waited; 0 if none waits."""

    waiting: int
    running: int
    delayed: int
    oldest_seconds: float
