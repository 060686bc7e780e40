"""Creates, shows and cancels batches for clients; processor.py is what workers do with them."""

import asyncio
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass

from models.errors import KernelSightError
from pipelines.errors import RequestRejected
from service.batches.batch_store import BatchStore, is_finished
from service.batches.file_store import FileStore
from service.batches.types import COMPLETION_SECONDS, BatchObject, BatchPage, NewBatch
from service.errors import BatchOver, BatchUnknown, FileUnknown
from service.keys.caller import Caller
from service.operations.registry import OPERATIONS_BY_PATH
from service.queue.client import JobQueue
from service.queue.errors import QueueFull
from service.queue.types import NewJob

START_JOB, CHUNK_JOB, CANCEL_JOB = "batch-start", "batch-chunk", "batch-cancel"  # job kinds


@dataclass(frozen=True)
class Batches:
    files: FileStore
    store: BatchStore
    queue: JobQueue

    async def create(self, new: NewBatch, caller: Caller) -> BatchObject:
        """Raises RequestRejected, Forbidden, FileUnknown, QueueFull or QueueUnavailable."""
        if new.endpoint not in OPERATIONS_BY_PATH:
            raise RequestRejected(
                f"endpoint: no {new.endpoint[:80]!r} here; there are: {', '.join(sorted(OPERATIONS_BY_PATH))}"
            )
        caller.require(*OPERATIONS_BY_PATH[new.endpoint].scopes)
        file = await asyncio.to_thread(self.files.get, new.input_file_id)
        if not caller.may_see(file.tenant):
            raise FileUnknown(new.input_file_id)
        now = int(time.time())
        batch = BatchObject(
            id=f"batch_{secrets.token_hex(16)}",
            status="validating",
            created_at=now,
            expires_at=now + COMPLETION_SECONDS,
            tenant=caller.tenant,
            **new.model_dump(),
        )
        await self.store.add(batch)
        try:
            await self.queue.enqueue(
                NewJob({"kind": START_JOB, "batch": batch.id}, idempotency_key=f"start:{batch.id}")
            )
        except KernelSightError:
            await self.store.remove(batch)
            raise
        return batch

    async def get(self, id: str, viewer: Caller) -> BatchObject:
        """Also ends a batch that has expired. Raises BatchUnknown."""
        batch = await self._get_visible(id, viewer)
        if batch.status == "in_progress" and time.time() > batch.expires_at:
            await self._expire(id)
        return batch

    async def list_page(self, viewer: Caller, *, after: str | None, limit: int) -> BatchPage:
        """The batches that `viewer` sees, newest first. Raises RequestRejected if `after` is not in the list."""
        tenant = None if viewer.is_operator else viewer.tenant
        return await self.store.list_page(tenant=tenant, after=after, limit=limit)

    async def cancel(self, id: str, viewer: Caller) -> BatchObject:
        """Finishes the requests that run, and starts no others. Raises BatchUnknown or BatchOver."""
        batch = await self._get_visible(id, viewer)
        if is_finished(batch):
            raise BatchOver(f"batch {id!r} is {batch.status} already")
        await self.store.set_timestamp(id, "cancelling_at")
        job = NewJob({"kind": CANCEL_JOB, "batch": id}, idempotency_key=f"cancel:{id}", follows_up=True)
        with suppress(QueueFull):  # then the batch ends with the next of its chunks
            await self.queue.enqueue(job)
        return await self.store.get(id)

    async def _get_visible(self, id: str, viewer: Caller) -> BatchObject:
        """Raises BatchUnknown, also for another tenant's batch."""
        batch = await self.store.get(id)
        if not viewer.may_see(batch.tenant):
            raise BatchUnknown(id)
        return batch

    async def _expire(self, id: str) -> None:
        """Enqueue all unfinished chunks once more, dead letters included; they end as expired, without being run."""
        chunks, finished = await self.store.load_chunks(id), await self.store.finished_chunks(id)
        await self.queue.enqueue_many(
            [new_chunk_job(id, number, "expired") for number in range(len(chunks)) if number not in finished]
        )


def new_chunk_job(batch: str, number: int, reason: str = "new") -> NewJob:
    work = {"kind": CHUNK_JOB, "batch": batch, "chunk": number}
    return NewJob(work, "batch", idempotency_key=f"{batch}:{number}:{reason}", follows_up=True)
