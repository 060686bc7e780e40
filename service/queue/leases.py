"""The worker's side of the queue: takes jobs under a lease, renews the leases, and writes outcomes."""

import os
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import orjson

from models.priority import PRIORITIES, Priority
from service.queue.scripts import ScriptRunner
from service.queue.types import JobOrigin, JobResult, Problem, QueuedJob

LeaseState = Literal["kept", "cancel", "lost"]

WORKER_LOST = {
    "type": "urn:kernelsight:problem:worker-lost",
    "title": "The workers that had the job died",
    "status": 500,
    "detail": "each attempt ended without a word: the job may be what kills its workers",
}


@dataclass(frozen=True, slots=True)
class JobTerms:
    """A lease that is not renewed for `lease_seconds` is lost; after `attempts` attempts the job is a dead letter."""

    lease_seconds: float = 30.0
    attempts: int = 3
    keep_seconds: float = 86_400.0  # how long status and result are kept after the end
    dead_seconds: float = 7 * 86_400.0
    result_bytes: int = 2**30  # of all jobs that have ended; no job is taken while they take more


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """How a run ended. finish.lua says what `content` and `extra` are for each `verb`."""

    job: QueuedJob
    verb: Literal["done", "failed", "cancelled", "retry", "release"]
    content: bytes | str = b""
    extra: bytes | str | int = b""

    @classmethod
    def done(cls, job: QueuedJob, result: JobResult) -> "JobOutcome":
        about = {"media_type": result.media_type, "headers": dict(result.headers)}
        return cls(job, "done", result.body, orjson.dumps(about))

    @classmethod
    def failed(cls, job: QueuedJob, problem: Problem) -> "JobOutcome":
        return cls(job, "failed", orjson.dumps(problem))

    @classmethod
    def retry(cls, job: QueuedJob, problem: Problem, after_seconds: float) -> "JobOutcome":
        return cls(job, "retry", orjson.dumps(problem), round(after_seconds * 1000))


class Leases:
    """Every method raises QueueUnavailable, and may be repeated then."""

    def __init__(self, scripts: ScriptRunner, terms: JobTerms, priorities: Sequence[Priority] = PRIORITIES) -> None:
        self.terms = terms
        self._scripts = scripts
        self._priorities = tuple(priority for priority in PRIORITIES if priority in priorities)
        self._worker = f"{socket.gethostname()}:{os.getpid()}"
        self._last_ids: dict[str, bytes] = {}

    async def take(self, limit: int) -> list[QueuedJob]:
        jobs, last_ids = await self._scripts.run(
            "take", self._worker, limit, self.terms.result_bytes, *self._priorities
        )
        self._last_ids = dict(zip(self._priorities, last_ids, strict=True))
        return [_parse_job(one) for one in jobs]

    async def wait_for_jobs(self) -> None:
        """Wait until there may be more jobs than the last `take` saw, or some seconds have passed."""
        await self._scripts.wait_for_entries(self._last_ids)

    async def renew(self, jobs: Sequence[QueuedJob]) -> list[LeaseState]:
        pairs = [part for job in jobs for part in (job.id, job.run)]
        return [cast(LeaseState, answer.decode()) for answer in await self._scripts.run("renew", *pairs)]

    async def sweep(self, limit: int) -> list[QueuedJob]:
        """Take at most `limit` jobs whose lease ran out.

        Also enqueues delayed jobs that are due, and drops old dead letters.
        """
        terms = self.terms
        jobs = await self._scripts.run(
            "sweep", self._worker, limit, _ms(terms.lease_seconds), terms.attempts, _ms(terms.keep_seconds),
            _ms(terms.dead_seconds), orjson.dumps(WORKER_LOST), *self._priorities,
        )  # fmt: skip
        return [_parse_job(one) for one in jobs]

    async def finish(self, outcomes: Iterable[JobOutcome]) -> list[str]:
        """The state of each job now, or `stale` where another run has taken over and nothing was written."""
        parts = [part for one in outcomes for part in (one.job.id, one.job.run, one.verb, one.content, one.extra)]
        terms = self.terms
        return [
            answer.decode()
            for answer in await self._scripts.run("finish", _ms(terms.keep_seconds), terms.attempts, *parts)
        ]

    async def report_progress(self, job: QueuedJob, done: int, total: int) -> None:
        await self._scripts.run("progress", job.id, job.run, done, total)


def _parse_job(parts: list[Any]) -> QueuedJob:
    id, work, names, priority, attempt, run, created, expires, origin = parts
    return QueuedJob(
        id.decode(),
        orjson.loads(work),
        tuple(names.decode().split()),
        cast(Priority, priority.decode()),
        attempt,
        run,
        int(created) / 1000,
        float(expires) if expires else None,
        JobOrigin.parse(origin),
    )


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
