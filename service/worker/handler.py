"""What a worker does with a job, by its kind."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic

from pydantic import BaseModel

from models.errors import KernelSightError
from service.batches.batches import CHUNK, START
from service.batches.processor import BatchWork
from service.components import Components
from service.errors import WebhookFailed
from service.operations.operation import ExecutionLimits
from service.operations.registry import operation
from service.queue.attempt import Report
from service.queue.errors import TemporaryFailure
from service.queue.types import Job, NewJob, Outcome
from service.telemetry.tracing import current_span
from service.worker import job_request
from service.worker.job_request import Order
from service.worker.job_services import JobServices
from service.worker.job_view import JobView
from service.worker.retry_policy import failure_of

WEBHOOK = "webhook"
_NOTHING = Outcome(b"null")
_MESSAGE_ATTEMPTS = 12  # with their pauses six to nine minutes


@dataclass(frozen=True)
class Handler:
    """Called with a job; raises PermanentFailure or TemporaryFailure."""

    components: Components
    jobs: JobServices

    async def __call__(self, job: Job, report: Report) -> Outcome:
        kinds: dict[str, Callable[[Job, Report], Awaitable[Outcome]]] = {
            job_request.KIND: self._operation,
            START: self._batch_start,
            CHUNK: self._batch_chunk,
            WEBHOOK: self._webhook,
        }
        current_span().set({"kernelsight.job.kind": job.work["kind"]})
        try:
            return await kinds[job.work["kind"]](job, report)
        except KernelSightError as error:
            raise failure_of(error) from error

    async def _operation(self, job: Job, report: Report) -> Outcome:
        order = Order.unpack(job.work, [await self.jobs.queue.payload(name) for name in job.blobs])
        deadline = monotonic() + self.components.settings.job_seconds
        try:
            with _Pages(report) as pages:
                terms = ExecutionLimits(deadline, job.priority, pages.told)
                reply = await operation(order.operation).run(self.components, order.ask, terms)
        except KernelSightError as error:
            self.components.metrics.requests.rejected(error.code)
            failure = failure_of(error)
            if not isinstance(failure, TemporaryFailure) or job.attempt >= self.components.settings.job_attempts:
                await self._announce(job, order)
            raise failure from error
        await self._announce(job, order)
        return Outcome(reply.body, reply.media_type, reply.headers)

    async def _announce(self, job: Job, order: Order) -> None:
        """Before the end is written, or a worker that dies in between would owe it for ever; it is sent after that."""
        if order.callback is not None:
            work = {"kind": WEBHOOK, "job": job.id, "url": order.callback}
            key = f"webhook:{job.id}"
            await self.jobs.queue.enqueue(NewJob(work, idempotency_key=key, attempts=_MESSAGE_ATTEMPTS))

    async def _webhook(self, job: Job, report: Report) -> Outcome:
        id = job.work["job"]
        status = await self.jobs.queue.status(id)
        if not status.is_final:
            raise WebhookFailed(f"job {id} is not at its end yet")
        view = JobView.of(status, await self.jobs.queue.result(id))
        message = Message(type=f"job.{status.state}", timestamp=status.ended or status.created, data=view)
        await self.jobs.webhooks.send(job.work["url"], f"msg_{id}", message.model_dump_json().encode())
        return _NOTHING

    async def _batch_start(self, job: Job, report: Report) -> Outcome:
        await self._batch_work.start(job.work["batch"])
        return _NOTHING

    async def _batch_chunk(self, job: Job, report: Report) -> Outcome:
        await self._batch_work.chunk(job.work["batch"], job.work["chunk"])
        return _NOTHING

    @property
    def _batch_work(self) -> BatchWork:
        return BatchWork(self.components, self.jobs.batches)


class Message(BaseModel):
    """What a callback gets. `timestamp` is Unix seconds, of the job's end."""

    type: str
    timestamp: float
    data: JobView


class _Pages:
    """Counts a document's pages while they are read."""

    def __init__(self, report: Report) -> None:
        self._report, self._done = report, 0
        self._reports: set[asyncio.Future[None]] = set()

    def __enter__(self) -> "_Pages":
        return self

    def __exit__(self, *error: object) -> None:
        for task in self._reports:
            task.cancel()

    def told(self, page: BaseModel, of: int) -> None:
        self._done += 1
        task = asyncio.ensure_future(self._report(self._done, of))
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)
