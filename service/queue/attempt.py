"""One run of one job: from the handler, whatever it does, to what is written of it."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic, time
from typing import Literal

from service.queue.errors import PermanentFailure, QueueUnavailable, TemporaryFailure
from service.queue.leases import Ending, Leases
from service.queue.types import Job, Outcome, Problem, code_of
from service.telemetry.logs import results_of
from service.telemetry.request_context import RequestContext, new_request_id, on_behalf_of
from service.telemetry.spans import Attributes
from service.telemetry.trace_context import trace_id_of
from service.telemetry.tracing import Tracing, Untraced, current_span, within

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
    """`tracing` goes on with the trace that the job came with."""

    def __init__(self, job: Job, handle: Handle, leases: Leases, tracing: Tracing | None = None) -> None:
        self.job = job
        self.started = monotonic()
        self._handle = handle
        self._leases = leases
        self._tracing = tracing or Untraced()
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
        attributes: Attributes = {
            "messaging.system": "redis",
            "messaging.operation.type": "process",
            "messaging.destination.name": job.priority,
            "messaging.message.id": job.id,
            "kernelsight.job.attempt": job.attempt,
        }
        span = self._tracing.begin(f"process {job.priority}", "consumer", job.origin.trace, attributes)
        request_id = job.origin.request_id or new_request_id()
        context = RequestContext(request_id, trace_id=trace_id_of(span.headers), job_id=job.id)
        with on_behalf_of(context), within(span):
            ending = await self._ending()
            verb = "lost" if ending is None else ending.verb
            span.set({"kernelsight.request_id": request_id, "kernelsight.job.outcome": verb})
            seconds = monotonic() - self.started
            facts = {"attempt": job.attempt, "outcome": verb, "seconds": round(seconds, 6), **results_of(context)}
            log.info("job %s: %s in %.3f s", job.id, verb, seconds, extra={"facts": facts})
        return ending

    async def _ending(self) -> Ending | None:
        job = self.job
        if self._stopped:
            return self._cancelled()
        if job.expires is not None and job.expires <= time():
            return _failed(job, EXPIRED)
        self._task = asyncio.ensure_future(self._handle(job, self._report()))
        try:
            return Ending.done(job, await self._task)
        except asyncio.CancelledError:
            return self._cancelled()
        except PermanentFailure as failure:
            return _failed(job, failure.problem)
        except TemporaryFailure as failure:
            return _retried(job, failure.problem, failure.after_seconds)
        except Exception:
            log.exception("bug in the work of job %s", job.id)
            return _retried(job, BROKEN)

    def _cancelled(self) -> Ending | None:
        if self._stopped == "lost":
            return None
        if self._stopped == "cancel":
            return Ending(self.job, "cancelled")
        if self._stopped == "release":
            return Ending(self.job, "release")
        return _retried(self.job, BROKEN)  # the handler has cancelled itself

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


def _failed(job: Job, problem: Problem) -> Ending:
    current_span().fail(code_of(problem))
    return Ending.failed(job, problem)


def _retried(job: Job, problem: Problem, after_seconds: float | None = None) -> Ending:
    current_span().fail(code_of(problem))
    return Ending.retry(job, problem, _backoff(job, after_seconds))


def _backoff(job: Job, asked: float | None = None) -> float:
    """Doubles with each attempt; spread, so that what failed together does not come back together."""
    if asked is not None:
        return asked
    return float(min(BACKOFF_MOST_SECONDS, BACKOFF_SECONDS * 2 ** (job.attempt - 1)) * random.uniform(1.0, 1.5))
