"""What workers do for a batch: check its file and cut it, answer a chunk of it, put the answers together.

Every step may be done twice, by different workers, and comes to the same: chunks write files of their own, whose names
follow from the batch, and the last one to be counted puts them together.
"""

import asyncio
import logging
import shutil
import time
from dataclasses import dataclass
from typing import Any

from models.concurrency import gather_or_cancel
from models.errors import KernelSightError, Overloaded
from pipelines.cpu_pool import at_priority
from service.batches.batch_store import over
from service.batches.batches import Batches, chunk_job
from service.batches.errors import FileUnknown
from service.batches.file_store import file_id_of
from service.batches.jsonl import Checked, Chunk, Line, answer_line, body_of, check, error_line, read
from service.batches.types import Batch, LineError
from service.components import Components
from service.operations.operation import ExecutionLimits, Operation, Reply
from service.operations.registry import BY_PATH
from service.operations.request import request_of_fields
from service.problems import as_answered, problem_of
from service.queue.errors import QueueFull
from service.telemetry.logs import results_of
from service.telemetry.request_context import RequestContext, current, new_request_id, on_behalf_of

log = logging.getLogger(__name__)

LINES_AT_ONCE = 4  # of one chunk; a worker has several chunks


@dataclass(frozen=True)
class BatchWork:
    components: Components
    batches: Batches

    async def start(self, id: str) -> None:
        """Raises BatchUnknown or QueueUnavailable."""
        files, ledger = self.batches.files, self.batches.ledger
        batch = await ledger.get(id)
        if over(batch):
            return

        def checked() -> Checked:
            with files.opened(batch.input_file_id) as source:
                return check(source, batch.endpoint)

        try:
            found = await asyncio.to_thread(checked)
        except FileUnknown as gone:
            await ledger.fail(id, [LineError(code="file_not_found", message=str(gone))])
            return
        if found.errors:
            await ledger.fail(id, found.errors)
            return
        await ledger.cut(id, found.chunks)
        jobs = [chunk_job(id, number) for number in range(len(found.chunks))]
        while jobs:
            try:
                jobs = jobs[len(await self.batches.queue.enqueue_many(jobs)) :]
            except QueueFull as full:
                await asyncio.sleep(full.retry_seconds)

    async def chunk(self, id: str, number: int) -> None:
        """Raises BatchUnknown, FileUnknown or QueueUnavailable."""
        ledger = self.batches.ledger
        batch, chunks = await ledger.get(id), await ledger.chunks(id)
        if over(batch):
            return
        if batch.status == "cancelling":
            completed = failed = 0
        else:
            completed, failed = await self._answer(batch, number, chunks[number])
        if await ledger.chunk_done(id, number, completed, failed) == len(chunks):
            await self._finish(batch)

    async def _answer(self, batch: Batch, number: int, chunk: Chunk) -> tuple[int, int]:
        lines = await asyncio.to_thread(self._lines, batch.input_file_id, chunk)
        slots = asyncio.Semaphore(LINES_AT_ONCE)

        async def answered(line: Line) -> tuple[bool, bytes]:
            if time.time() > batch.expires_at:
                return False, error_line(batch.id, line, "batch_expired", "the batch had expired before this was tried")
            async with slots:
                with at_priority("batch"):
                    return await self._line(batch, line)

        written = await gather_or_cancel(*(answered(line) for line in lines))
        for name, good in (("output", True), ("errors", False)):
            part = b"".join(text for is_good, text in written if is_good is good)
            await asyncio.to_thread(self._write, file_id_of(batch.id, number, name), part)
        completed = sum(is_good for is_good, _ in written)
        return completed, len(written) - completed

    async def _line(self, batch: Batch, line: Line) -> tuple[bool, bytes]:
        """Whether it went well, and what is written. To logs and records it is a request of its own."""
        context = _context()
        with on_behalf_of(context):
            try:
                reply = await self._patiently(BY_PATH[batch.endpoint], line)
            except KernelSightError as error:
                self.components.metrics.requests.rejected(error.code)
                status, _, body = as_answered(batch.endpoint, problem_of(error))
            else:
                status, body = 200, await self.components.pool.run(body_of, reply)
            facts = {"batch": batch.id, "status": status, **results_of(context)}
            log.info("a line of %s: %d", batch.id, status, extra={"facts": facts})
        return status == 200, answer_line(batch.id, line, context.request_id, status, body)

    async def _patiently(self, operation: Operation[Any], line: Line) -> Reply:
        """Waits where there is too much work."""
        ask = request_of_fields(line.body, operation.image_names)
        deadline = time.monotonic() + self.components.settings.job_seconds
        while True:
            try:
                return await operation.run(self.components, ask, ExecutionLimits(deadline, "batch"))
            except Overloaded as busy:
                if time.monotonic() + busy.retry_seconds > deadline:
                    raise
                await asyncio.sleep(busy.retry_seconds)

    async def _finish(self, batch: Batch) -> None:
        ledger = self.batches.ledger
        await ledger.mark(batch.id, "finalizing_at")
        # A chunk without answers was cancelled, and wrote nothing. If another worker finished meanwhile and removed
        # the parts, this fails before it has replaced anything, and the next attempt finds the batch at its end.
        written = sorted(number for number, answers in (await ledger.done(batch.id)).items() if answers)
        ids: dict[str, str] = {}
        for name, field in (("output", "output_file_id"), ("errors", "error_file_id")):
            id = await asyncio.to_thread(self._joined, batch, name, written)
            if id is not None:
                ids[field] = id
        await ledger.mark(batch.id, _end_of(await ledger.get(batch.id)), **ids)
        await asyncio.to_thread(self._clean, batch, written)

    def _lines(self, file: str, chunk: Chunk) -> list[Line]:
        with self.batches.files.opened(file, chunk.at) as source:
            return read(source, chunk.lines)

    def _write(self, id: str, part: bytes) -> None:
        with self.batches.files.writing(id, "part", "batch_part") as target:
            target.write(part)

    def _joined(self, batch: Batch, name: str, written: list[int]) -> str | None:
        """The file of all parts, in the order of the requests; None where there is nothing in them."""
        id, files = file_id_of(batch.id, name), self.batches.files
        with files.writing(id, f"{batch.id}_{name}.jsonl", "batch_output") as target:
            for number in written:
                with files.opened(file_id_of(batch.id, number, name)) as part:
                    shutil.copyfileobj(part, target, 1 << 20)
        if files.get(id).bytes:
            return id
        files.discard(id)
        return None

    def _clean(self, batch: Batch, written: list[int]) -> None:
        for name in ("output", "errors"):
            for number in written:
                self.batches.files.discard(file_id_of(batch.id, number, name))


def _context() -> RequestContext:
    """Within the job's trace, under an id of its own."""
    job = current()
    return RequestContext(
        new_request_id(), trace_id=None if job is None else job.trace_id, job_id=None if job is None else job.job_id
    )


def _end_of(batch: Batch) -> str:
    if batch.cancelling_at is not None:
        return "cancelled_at"
    return "expired_at" if time.time() > batch.expires_at else "completed_at"
