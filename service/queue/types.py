"""What the queue hands to those who enqueue, and to those who work. What a job does is no concern of the queue."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from models.priority import Priority

State = Literal["queued", "running", "retrying", "done", "failed", "cancelled", "dead"]
FINAL: frozenset[State] = frozenset({"done", "failed", "cancelled", "dead"})

Problem = dict[str, Any]  # a body of problem+json


def code_of(problem: Problem) -> str:
    """The last part of its type."""
    return str(problem.get("type", "internal")).rpartition(":")[2]


@dataclass(frozen=True, slots=True)
class NewJob:
    """`work` is JSON; `payloads` are what is too large for it, and are stored once however many jobs bring the same.

    The same `idempotency_key` gives the same job for as long as that is remembered. `expires` is in seconds of
    `time.time`: a job that has not started by then fails. `attempts` are its own instead of the queue's.
    """

    work: dict[str, Any]
    priority: Priority = "interactive"
    payloads: tuple[bytes, ...] = ()
    idempotency_key: str | None = None
    expires: float | None = None
    attempts: int | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """The request that a job came with, and the W3C headers by which its trace goes on."""

    request_id: str | None = None
    trace: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a job. `run` grows with every start, by whomever: the outcome of the last one counts."""

    id: str
    work: dict[str, Any]
    blobs: tuple[str, ...]  # names of the payloads, in the order that they came in
    priority: Priority
    attempt: int  # from 1
    run: int
    created: float
    expires: float | None
    origin: Origin = Origin()


@dataclass(frozen=True, slots=True)
class Progress:
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class JobStatus:
    """Times are seconds of `time.time`, by the queue server's clock. `started` is when the last attempt was."""

    id: str
    state: State
    priority: Priority
    attempts: int
    created: float
    started: float | None = None
    ended: float | None = None
    progress: Progress | None = None
    error: Problem | None = None

    @property
    def is_final(self) -> bool:
        return self.state in FINAL


@dataclass(frozen=True, slots=True)
class Event:
    """`number` grows by one from event to event of a job. `facts` is what its name alone does not say."""

    number: int
    name: Literal["queued", "started", "progress", "retrying", "done", "failed", "cancelled", "dead"]
    at: float
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job gives: the bytes of an answer, and what a reader has to know of them."""

    body: bytes
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Depth:
    """`oldest_seconds` is how long the first one in line has waited, 0 when nobody does."""

    waiting: int
    running: int
    delayed: int
    oldest_seconds: float
