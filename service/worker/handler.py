"""Handles a job according to its kind."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from pydantic import BaseModel

from models.errors import KernelSightError
from service.batches.batches import CANCEL_JOB, CHUNK_JOB, START_JOB
from service.batches.processor import BatchProcessor
from service.components import Components
from service.errors import WebhookFailed
from service.operations.operation import ExecutionLimits
from service.operations.registry import find_operation
from service.queue.attempt import ReportProgress
from service.queue.errors import TemporaryFailure
from service.queue.types import JobResult, JobStatus, NewJob, QueuedJob
from service.telemetry.tracing import current_span
from service.worker import job_request
from service.worker.job_request import JobRequest
from service.worker.job_services import JobServices
from service.worker.job_view import JobView
from service.worker.retry_policy import to_job_failure

WEBHOOK = "webhook"
_EMPTY_RESULT = JobResult(b"null")
_CALLBACK_ATTEMPTS = 12  # six to nine minutes, with their pauses
_END_SECONDS = 2.0


@dataclass(frozen=True)
class JobHandler:
    """Calling it runs a job; raises PermanentFailure or TemporaryFailure."""

    components: Components
    jobs: JobServices

    async def __call__(self, job: QueuedJob, report_progress: ReportProgress) -> JobResult:
        kinds: dict[str, Callable[[QueuedJob, ReportProgress], Awaitable[JobResult]]] = {
            job_request.OPERATION: self._run_operation,
            START_JOB: self._start_batch,
            CHUNK_JOB: self._process_chunk,
            CANCEL_JOB: self._cancel_batch,
            WEBHOOK: self._send_callback,
        }
        current_span().set({"kernelsight.job.kind": job.work["kind"]})
        try:
            return await kinds[job.work["kind"]](job, report_progress)
        except KernelSightError as error:
            raise to_job_failure(error) from error

    async def _run_operation(self, job: QueuedJob, report_progress: ReportProgress) -> JobResult:
        request = JobRequest.unpack(job.work, [await self.jobs.queue.read_payload(name) for name in job.payload_names])
        deadline = monotonic() + self.components.settings.worker.job_seconds
        try:
            with _PageProgress(report_progress) as pages:
                terms = ExecutionLimits(deadline, job.priority, pages.count_page)
                reply = await find_operation(request.operation).run(self.components, request.request, terms)
        except KernelSightError as error:
            self.components.metrics.requests.count_problem(error.code)
            failure = to_job_failure(error)
            if not isinstance(failure, TemporaryFailure) or job.attempt >= self.components.settings.queue.job_attempts:
                await self._enqueue_callback(job, request)
            raise failure from error
        await self._enqueue_callback(job, request)
        return JobResult(reply.body, reply.media_type, reply.headers)

    async def _enqueue_callback(self, job: QueuedJob, request: JobRequest) -> None:
        """Called before the job's end is written: a worker that died in between would never send it otherwise.

        The callback waits until the end is written.
        """
        if request.callback is not None:
            work = {"kind": WEBHOOK, "job": job.id, "url": request.callback}
            key = f"webhook:{job.id}"
            await self.jobs.queue.enqueue(
                NewJob(work, idempotency_key=key, attempts=_CALLBACK_ATTEMPTS, follows_up=True)
            )

    async def _send_callback(self, job: QueuedJob, report_progress: ReportProgress) -> JobResult:
        id = job.work["job"]
        status = await self._wait_for_end(id)
        view = JobView.from_status(status, await self.jobs.queue.result(id))
        message = WebhookMessage(type=f"job.{status.state}", timestamp=status.ended or status.created, data=view)
        await self.jobs.webhooks.send(job.work["url"], f"msg_{id}", message.model_dump_json().encode())
        return _EMPTY_RESULT

    async def _wait_for_end(self, id: str) -> JobStatus:
        """Another worker may take the callback in the moment before the job's end is written."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                async for _ in self.jobs.queue.events(id):
                    pass
        status = await self.jobs.queue.status(id)
        if not status.is_final:
            raise WebhookFailed(f"job {id} is not at its end yet")
        return status

    async def _start_batch(self, job: QueuedJob, report_progress: ReportProgress) -> JobResult:
        await self._batch_processor.start(job.work["batch"])
        return _EMPTY_RESULT

    async def _process_chunk(self, job: QueuedJob, report_progress: ReportProgress) -> JobResult:
        await self._batch_processor.process_chunk(job.work["batch"], job.work["chunk"])
        return _EMPTY_RESULT

    async def _cancel_batch(self, job: QueuedJob, report_progress: ReportProgress) -> JobResult:
        await self._batch_processor.cancel(job.work["batch"])
        return _EMPTY_RESULT

    @property
    def _batch_processor(self) -> BatchProcessor:
        return BatchProcessor(self.components, self.jobs.batches)


class WebhookMessage(BaseModel):
    """The body of a callback. `timestamp` is the job's end in Unix seconds."""

    type: str
    timestamp: float
    data: JobView


class _PageProgress:
    """Reports how many pages of a document have been read."""

    def __init__(self, report_progress: ReportProgress) -> None:
        self._report_progress, self._done = report_progress, 0
        self._reports: set[asyncio.Future[None]] = set()

    def __enter__(self) -> "_PageProgress":
        return self

    def __exit__(self, *error: object) -> None:
        for task in self._reports:
            task.cancel()

    def count_page(self, page: BaseModel, total: int) -> None:
        self._done += 1
        task = asyncio.ensure_future(self._report_progress(self._done, total))
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)
