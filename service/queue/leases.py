"""The queue as workers see it: jobs taken under a lease, kept by beats, given back with what became of them."""

import os
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import orjson

from models.priority import PRIORITIES, Priority
from service.queue.scripts import Server
from service.queue.types import Job, Origin, Outcome, Problem

Verdict = Literal["kept", "cancel", "lost"]

LEFT = {
    "type": "urn:kernelsight:problem:worker-lost",
    "title": "The workers that had the job died",
    "status": 500,
    "detail": "each attempt ended without a word: the job may be what kills its workers",
}


@dataclass(frozen=True, slots=True)
class JobTerms:
    """`lease_seconds` without a beat, and a job is another worker's; after `attempts` of them it is dead."""

    lease_seconds: float = 30.0
    attempts: int = 3
    keep_seconds: float = 86_400.0  # a job's status and result
    dead_seconds: float = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class Ending:
    """What is to be written of a run. `first` and `second` are what finish.lua says of `verb`."""

    job: Job
    verb: Literal["done", "failed", "cancelled", "retry", "release"]
    first: bytes | str = b""
    second: bytes | str | int = b""

    @classmethod
    def done(cls, job: Job, outcome: Outcome) -> "Ending":
        about = {"media_type": outcome.media_type, "headers": dict(outcome.headers)}
        return cls(job, "done", outcome.body, orjson.dumps(about))

    @classmethod
    def failed(cls, job: Job, problem: Problem) -> "Ending":
        return cls(job, "failed", orjson.dumps(problem))

    @classmethod
    def retry(cls, job: Job, problem: Problem, after_seconds: float) -> "Ending":
        return cls(job, "retry", orjson.dumps(problem), round(after_seconds * 1000))


class Leases:
    """Every method raises QueueUnavailable, and bears being called again then."""

    def __init__(self, server: Server, terms: JobTerms, priorities: Sequence[Priority] = PRIORITIES) -> None:
        self.terms = terms
        self._server = server
        self._priorities = tuple(priority for priority in PRIORITIES if priority in priorities)
        self._worker = f"{socket.gethostname()}:{os.getpid()}"
        self._lasts: dict[str, bytes] = {}

    async def take(self, most: int) -> list[Job]:
        jobs, lasts = await self._server.run("take", self._worker, most, *self._priorities)
        self._lasts = dict(zip(self._priorities, lasts, strict=True))
        return [_job(one) for one in jobs]

    async def wait(self) -> None:
        """Until there may be more than the last `take` saw, or some seconds have passed."""
        await self._server.wait(self._lasts)

    async def beat(self, jobs: Sequence[Job]) -> list[Verdict]:
        pairs = [part for job in jobs for part in (job.id, job.run)]
        return [cast(Verdict, answer.decode()) for answer in await self._server.run("beat", *pairs)]

    async def sweep(self, most: int) -> list[Job]:
        """At most so many jobs that others let fall; what was delayed is put back into the line meanwhile."""
        terms = self.terms
        jobs = await self._server.run(
            "sweep", self._worker, most, _ms(terms.lease_seconds), terms.attempts, _ms(terms.keep_seconds),
            _ms(terms.dead_seconds), orjson.dumps(LEFT), *self._priorities,
        )  # fmt: skip
        return [_job(one) for one in jobs]

    async def finish(self, endings: Iterable[Ending]) -> list[str]:
        """The state that each job is in now, or stale where another run has taken over: then nothing was written."""
        parts = [part for one in endings for part in (one.job.id, one.job.run, one.verb, one.first, one.second)]
        terms = self.terms
        return [
            answer.decode()
            for answer in await self._server.run("finish", _ms(terms.keep_seconds), terms.attempts, *parts)
        ]

    async def progress(self, job: Job, done: int, total: int) -> None:
        await self._server.run("progress", job.id, job.run, done, total)


def _job(parts: list[Any]) -> Job:
    id, work, blobs, priority, attempt, run, created, expires, origin = parts
    return Job(
        id.decode(),
        orjson.loads(work),
        tuple(blobs.decode().split()),
        cast(Priority, priority.decode()),
        attempt,
        run,
        int(created) / 1000,
        float(expires) if expires else None,
        Origin(**orjson.loads(origin)) if origin else Origin(),
    )


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
