"""Runs one job once, and turns whatever its handler does into an outcome."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic, time
from typing import Literal

from service.queue.errors import PermanentFailure, QueueUnavailable, TemporaryFailure
from service.queue.leases import JobOutcome, Leases
from service.queue.types import JobResult, Problem, QueuedJob, problem_code
from service.telemetry.request_context import RequestContext, bind_request, new_request_id, parse_trace_id
from service.telemetry.spans import SpanAttributes
from service.telemetry.tracing import NoopTracing, Tracing, current_span, use_span

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 0.2  # between two writes of a job's progress
BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 1.0, 60.0

ReportProgress = Callable[[int, int], Awaitable[None]]  # done, total
HandleJob = Callable[[QueuedJob, ReportProgress], Awaitable[JobResult]]
StopReason = Literal["cancel", "lost", "release"]

JOB_EXPIRED: Problem = {
    "type": "urn:kernelsight:problem:job-expired",
    "title": "The job came too late",
    "status": 504,
    "detail": "the job had expired before a worker could start it",
}
INTERNAL_ERROR: Problem = {
    "type": "urn:kernelsight:problem:internal",
    "title": "Internal error",
    "status": 500,
    "detail": "this is a bug; the worker's log has the details",
}


class JobAttempt:
    """`tracing` continues the trace of the request that enqueued the job."""

    def __init__(self, job: QueuedJob, handle: HandleJob, leases: Leases, tracing: Tracing | None = None) -> None:
        self.job = job
        self.started = monotonic()
        self._handle = handle
        self._leases = leases
        self._tracing = tracing or NoopTracing()
        self._task: asyncio.Task[JobResult] | None = None
        self._stop_reason: StopReason | None = None

    def stop(self, reason: StopReason) -> None:
        """Works before `run` has begun, too; does nothing once the handler has finished."""
        if self._task is None or not self._task.done():
            self._stop_reason = reason
        if self._task is not None:
            self._task.cancel()

    async def run(self) -> JobOutcome | None:
        """None if another worker has the job now: that one's outcome counts."""
        job = self.job
        attributes: SpanAttributes = {
            "messaging.system": "redis",
            "messaging.operation.type": "process",
            "messaging.destination.name": job.priority,
            "messaging.message.id": job.id,
            "kernelsight.job.attempt": job.attempt,
        }
        span = self._tracing.begin(f"process {job.priority}", "consumer", job.origin.trace, attributes)
        request_id = job.origin.request_id or new_request_id()
        context = RequestContext(
            request_id, trace_id=parse_trace_id(span.headers), job_id=job.id, sender=job.origin.sender
        )
        with bind_request(context), use_span(span):
            outcome = await self._run_handler()
            verb = "lost" if outcome is None else outcome.verb
            span.set({"kernelsight.request_id": request_id, "kernelsight.job.outcome": verb})
            seconds = monotonic() - self.started
            facts = {"attempt": job.attempt, "outcome": verb, "seconds": round(seconds, 6), **context.result_facts}
            log.info("job %s: %s in %.3f s", job.id, verb, seconds, extra={"facts": facts})
        return outcome

    async def _run_handler(self) -> JobOutcome | None:
        job = self.job
        if self._stop_reason:
            return self._stopped_outcome()
        if job.expires is not None and job.expires <= time():
            return _fail(job, JOB_EXPIRED)
        self._task = asyncio.ensure_future(self._handle(job, self._progress_reporter()))
        try:
            return JobOutcome.done(job, await self._task)
        except asyncio.CancelledError:
            return self._stopped_outcome()
        except PermanentFailure as failure:
            return _fail(job, failure.problem)
        except TemporaryFailure as failure:
            return _retry(job, failure.problem, failure.after_seconds)
        except Exception:
            log.exception("bug in the work of job %s", job.id)
            return _retry(job, INTERNAL_ERROR)

    def _stopped_outcome(self) -> JobOutcome | None:
        if self._stop_reason == "lost":
            return None
        if self._stop_reason == "cancel":
            return JobOutcome(self.job, "cancelled")
        if self._stop_reason == "release":
            return JobOutcome(self.job, "release")
        return _retry(self.job, INTERNAL_ERROR)  # the handler cancelled itself

    def _progress_reporter(self) -> ReportProgress:
        last_written = float("-inf")

        async def report(done: int, total: int) -> None:
            nonlocal last_written
            if monotonic() - last_written < PROGRESS_SECONDS:
                return
            last_written = monotonic()
            with suppress(QueueUnavailable):  # not a reason to fail the job
                await self._leases.report_progress(self.job, done, total)

        return report


def _fail(job: QueuedJob, problem: Problem) -> JobOutcome:
    current_span().fail(problem_code(problem))
    return JobOutcome.failed(job, problem)


def _retry(job: QueuedJob, problem: Problem, after_seconds: float | None = None) -> JobOutcome:
    current_span().fail(problem_code(problem))
    return JobOutcome.retry(job, problem, _backoff_seconds(job, after_seconds))


def _backoff_seconds(job: QueuedJob, after_seconds: float | None = None) -> float:
    """Doubles with each attempt; randomised, so that jobs that failed together do not return together."""
    if after_seconds is not None:
        return after_seconds
    return float(min(MAX_BACKOFF_SECONDS, BACKOFF_SECONDS * 2 ** (job.attempt - 1)) * random.uniform(1.0, 1.5))
