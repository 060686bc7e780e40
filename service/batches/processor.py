"""Processes batches in workers: validates the file, cuts it into chunks, answers each chunk, joins the answers.

Every step is idempotent and may run twice, on different workers: each chunk writes its own part files, whose names
follow from the batch, and the chunk that finishes last joins them.
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
from service.batches.batch_store import is_finished
from service.batches.batches import Batches, new_chunk_job
from service.batches.file_store import derived_file_id
from service.batches.jsonl import (
    LineChunk,
    RequestLine,
    ValidatedFile,
    answer_body,
    format_answer,
    format_error,
    read_lines,
    validate_file,
)
from service.batches.types import FINAL_TIMESTAMPS, BatchObject, LineError
from service.components import Components
from service.errors import FileUnknown
from service.operations.json_request import request_from_fields
from service.operations.operation import ExecutionLimits, Operation, OperationReply
from service.operations.registry import OPERATIONS_BY_PATH
from service.problems import format_problem, problem_for
from service.queue.errors import QueueFull
from service.telemetry.request_context import RequestContext, bind_request, current_request, new_request_id

log = logging.getLogger(__name__)

CONCURRENT_LINES = 4  # of one chunk; a worker has several chunks


@dataclass(frozen=True)
class BatchProcessor:
    components: Components
    batches: Batches

    async def start(self, id: str) -> None:
        """Validate the file and enqueue its chunks. Raises BatchUnknown or QueueUnavailable."""
        files, store = self.batches.files, self.batches.store
        batch = await store.get(id)
        if is_finished(batch):
            return

        def validate() -> ValidatedFile:
            with files.open_reader(batch.input_file_id) as source:
                return validate_file(source, batch.endpoint, self.components.settings.limits)

        try:
            validated = await asyncio.to_thread(validate)
        except FileUnknown as error:
            await store.fail(id, [LineError(code="file_not_found", message=str(error))])
            return
        if validated.errors:
            await store.fail(id, validated.errors)
            return
        await store.save_chunks(id, validated.chunks)
        jobs = [new_chunk_job(id, number) for number in range(len(validated.chunks))]
        while jobs:
            if await store.has_timestamp(id, "cancelling_at"):
                await self.cancel(id)
                return
            try:
                jobs = jobs[len(await self.batches.queue.enqueue_many(jobs)) :]
            except QueueFull as full:
                await asyncio.sleep(full.retry_seconds)

    async def process_chunk(self, id: str, number: int) -> None:
        """Answer the requests of a chunk; the last one finishes the batch.

        Raises BatchUnknown, FileUnknown or QueueUnavailable.
        """
        store = self.batches.store
        if await store.has_timestamp(id, *FINAL_TIMESTAMPS):  # as thousands of chunks find a batch that was cancelled
            return
        await store.start_chunk(id, number)
        batch, chunks = await store.get(id), await store.load_chunks(id)
        if batch.status == "cancelling":
            await self.cancel(id, own=number)
            return
        completed, failed = await self._answer_chunk(batch, number, chunks[number])
        if await store.finish_chunk(id, number, completed, failed) == len(chunks):
            await self._finish(batch)

    async def cancel(self, id: str, *, own: int | None = None) -> None:
        """Skip all chunks of a cancelled batch that no worker has begun, and `own`; finish the batch if none is left.

        Raises BatchUnknown or QueueUnavailable.
        """
        store = self.batches.store
        batch = await store.get(id)
        if batch.status != "cancelling" or batch.in_progress_at is None:
            return
        count = len(await store.load_chunks(id))
        if await store.skip_chunks(id, count, own=own) == count:
            await self._finish(batch)

    async def _answer_chunk(self, batch: BatchObject, number: int, chunk: LineChunk) -> tuple[int, int]:
        lines = await asyncio.to_thread(self._read_chunk, batch.input_file_id, chunk)
        slots = asyncio.Semaphore(CONCURRENT_LINES)

        async def answer(line: RequestLine) -> tuple[bool, bytes] | None:
            if time.time() > batch.expires_at:
                message = "the batch had expired before this was tried"
                return False, format_error(batch.id, line, "batch_expired", message)
            async with slots:
                if await self.batches.store.has_timestamp(batch.id, "cancelling_at"):
                    return None
                with at_priority("batch"):
                    return await self._answer_line(batch, line)

        tried = await gather_or_cancel(*(answer(line) for line in lines))
        answers = [one for one in tried if one is not None]
        if not answers:
            return 0, 0
        for name, wanted in (("output", True), ("errors", False)):
            part = b"".join(text for succeeded, text in answers if succeeded is wanted)
            await asyncio.to_thread(self._write_part, derived_file_id(batch.id, number, name), part)
        completed = sum(succeeded for succeeded, _ in answers)
        return completed, len(answers) - completed

    async def _answer_line(self, batch: BatchObject, line: RequestLine) -> tuple[bool, bytes]:
        """Whether the request succeeded, and its output line. Logs and audit records see it as a request of its own."""
        context = _line_context()
        with bind_request(context):
            try:
                reply = await self._run_patiently(OPERATIONS_BY_PATH[batch.endpoint], line)
            except KernelSightError as error:
                self.components.metrics.requests.count_problem(error.code)
                status, _, body = format_problem(batch.endpoint, problem_for(error))
            else:
                status, body = 200, await self.components.pool.run(answer_body, reply)
            facts = {"batch": batch.id, "status": status, **context.result_facts}
            log.info("a line of %s: %d", batch.id, status, extra={"facts": facts})
        return status == 200, format_answer(batch.id, line, context.request_id, status, body)

    async def _run_patiently(self, operation: Operation[Any], line: RequestLine) -> OperationReply:
        """Waits and retries while the models are overloaded."""
        request = request_from_fields(line.body, operation.image_names, self.components.settings.limits)
        deadline = time.monotonic() + self.components.settings.worker.job_seconds
        while True:
            try:
                return await operation.run(self.components, request, ExecutionLimits(deadline, "batch"))
            except Overloaded as busy:
                if time.monotonic() + busy.retry_seconds > deadline:
                    raise
                await asyncio.sleep(busy.retry_seconds)

    async def _finish(self, batch: BatchObject) -> None:
        store = self.batches.store
        await store.set_timestamp(batch.id, "finalizing_at")
        # A chunk without answers was cancelled, and wrote nothing. If another worker finished meanwhile and removed the
        # parts, this fails before it has replaced anything, and the next attempt finds the batch finished.
        chunks = sorted(number for number, answers in (await store.finished_chunks(batch.id)).items() if answers)
        ids: dict[str, str] = {}
        for name, field in (("output", "output_file_id"), ("errors", "error_file_id")):
            id = await asyncio.to_thread(self._join_parts, batch, name, chunks)
            if id is not None:
                ids[field] = id
        await store.set_timestamp(batch.id, _final_timestamp(await store.get(batch.id)), **ids)
        await asyncio.to_thread(self._remove_parts, batch, chunks)

    def _read_chunk(self, file: str, chunk: LineChunk) -> list[RequestLine]:
        with self.batches.files.open_reader(file, chunk.offset) as source:
            return read_lines(source, chunk.lines)

    def _write_part(self, id: str, part: bytes) -> None:
        with self.batches.files.open_writer(id, "part", "batch_part") as target:
            target.write(part)

    def _join_parts(self, batch: BatchObject, name: str, chunks: list[int]) -> str | None:
        """Write a file of all parts, in the order of the requests; None if they are empty."""
        id, files = derived_file_id(batch.id, name), self.batches.files
        expiry = batch.output_expires_after
        seconds = None if expiry is None else expiry.seconds
        output = f"{batch.id}_{name}.jsonl"
        with files.open_writer(id, output, "batch_output", batch.tenant, keep_seconds=seconds) as target:
            for number in chunks:
                with files.open_reader(derived_file_id(batch.id, number, name)) as part:
                    shutil.copyfileobj(part, target, 1 << 20)
        if files.get(id).bytes:
            return id
        files.remove_if_exists(id)
        return None

    def _remove_parts(self, batch: BatchObject, chunks: list[int]) -> None:
        for name in ("output", "errors"):
            for number in chunks:
                self.batches.files.remove_if_exists(derived_file_id(batch.id, number, name))


def _line_context() -> RequestContext:
    """A context in the job's trace, with a request id of its own."""
    job = current_request() or RequestContext(new_request_id())
    return RequestContext(new_request_id(), trace_id=job.trace_id, job_id=job.job_id, sender=job.sender)


def _final_timestamp(batch: BatchObject) -> str:
    if batch.cancelling_at is not None:
        return "cancelled_at"
    return "expired_at" if time.time() > batch.expires_at else "completed_at"
