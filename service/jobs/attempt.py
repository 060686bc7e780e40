"""One run of one job: from the handler, whatever it does, to what is written of it."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic, time
from typing import Literal

from service.jobs.errors import PermanentFailure, QueueUnavailable, TemporaryFailure
from service.jobs.leases import Ending, Leases
from service.jobs.types import Job, Outcome, Problem

log = logging.getLogger(__name__)

REPORT_SECONDS = 0.2  # progress is written at most so often
BACKOFF_SECONDS, BACKOFF_MOST_SECONDS = 1.0, 60.0

Report = Callable[[int, int], Awaitable[None]]  # done, total
Handle = Callable[[Job, Report], Awaitable[Outcome]]
Stop = Literal["cancel", "lost", "release"]

EXPIRED: Problem = {
    "type": "urn:kernelsight:problem:job-expired",
    "title": "The job came too late",
    "status": 504,
    "detail": "the job had expired before a worker could start it",
}
BROKEN: Problem = {
    "type": "urn:kernelsight:problem:internal",
    "title": "Internal error",
    "status": 500,
    "detail": "this is a bug; the worker's log has the details",
}


class Attempt:
    def __init__(self, job: Job, handle: Handle, leases: Leases) -> None:
        self.job = job
        self.started = monotonic()
        self._handle = handle
        self._leases = leases
        self._task: asyncio.Task[Outcome] | None = None
        self._stopped: Stop | None = None

    def stop(self, why: Stop) -> None:
        """Also before it has begun; not when it is over."""
        if self._task is None or not self._task.done():
            self._stopped = why
        if self._task is not None:
            self._task.cancel()

    async def run(self) -> Ending | None:
        """None where another worker has the job: its outcome counts."""
        job = self.job
        if self._stopped:
            return self._cancelled()
        if job.expires is not None and job.expires <= time():
            return Ending.failed(job, EXPIRED)
        self._task = asyncio.ensure_future(self._handle(job, self._report()))
        try:
            return Ending.done(job, await self._task)
        except asyncio.CancelledError:
            return self._cancelled()
        except PermanentFailure as failure:
            return Ending.failed(job, failure.problem)
        except TemporaryFailure as failure:
            return Ending.retry(job, failure.problem, _backoff(job, failure.after_seconds))
        except Exception:
            log.exception("bug in the work of job %s", job.id)
            return Ending.retry(job, BROKEN, _backoff(job))

    def _cancelled(self) -> Ending | None:
        if self._stopped == "lost":
            return None
        if self._stopped == "cancel":
            return Ending(self.job, "cancelled")
        if self._stopped == "release":
            return Ending(self.job, "release")
        return Ending.retry(self.job, BROKEN, _backoff(self.job))  # the handler has cancelled itself

    def _report(self) -> Report:
        written = float("-inf")

        async def report(done: int, total: int) -> None:
            nonlocal written
            if monotonic() - written < REPORT_SECONDS:
                return
            written = monotonic()
            with suppress(QueueUnavailable):  # no reason to fail the job
                await self._leases.progress(self.job, done, total)

        return report


def _backoff(job: Job, asked: float | None = None) -> float:
    """Doubles with each attempt; spread, so that what failed together does not come back together."""
    if asked is not None:
        return asked
    return float(min(BACKOFF_MOST_SECONDS, BACKOFF_SECONDS * 2 ** (job.attempt - 1)) * random.uniform(1.0, 1.5))
