"""Batches made, looked at and cancelled: what clients do. What workers do with them is in work.py."""

import asyncio
import secrets
import time
from dataclasses import dataclass

from models.errors import KernelSightError
from pipelines.errors import RequestRejected
from service.batches.batch_store import Ledger, over
from service.batches.errors import BatchOver
from service.batches.file_store import FileStore
from service.batches.types import COMPLETION_SECONDS, Batch, BatchPage, NewBatch
from service.operations.registry import BY_PATH
from service.queue.client import JobQueue
from service.queue.types import NewJob

START, CHUNK = "batch-start", "batch-chunk"  # kinds of jobs


@dataclass(frozen=True)
class Batches:
    files: FileStore
    ledger: Ledger
    queue: JobQueue

    async def create(self, new: NewBatch) -> Batch:
        """Raises RequestRejected, FileUnknown, QueueFull or QueueUnavailable."""
        if new.endpoint not in BY_PATH:
            raise RequestRejected(f"endpoint: no {new.endpoint[:80]!r} here; there are: {', '.join(sorted(BY_PATH))}")
        await asyncio.to_thread(self.files.get, new.input_file_id)
        now = int(time.time())
        batch = Batch(
            id=f"batch_{secrets.token_hex(16)}",
            status="validating",
            created_at=now,
            expires_at=now + COMPLETION_SECONDS,
            **new.model_dump(),
        )
        await self.ledger.add(batch)
        try:
            await self.queue.enqueue(NewJob({"kind": START, "batch": batch.id}, idempotency_key=f"start:{batch.id}"))
        except KernelSightError:
            await self.ledger.forget(batch.id)
            raise
        return batch

    async def get(self, id: str) -> Batch:
        """Raises BatchUnknown."""
        batch = await self.ledger.get(id)
        if batch.status == "in_progress" and time.time() > batch.expires_at:
            await self._close(id)
        return batch

    async def page(self, *, after: str | None, limit: int) -> BatchPage:
        return await self.ledger.page(after=after, limit=limit)

    async def cancel(self, id: str) -> Batch:
        """What runs is finished, what waits is not begun. Raises BatchUnknown or BatchOver."""
        batch = await self.ledger.get(id)
        if over(batch):
            raise BatchOver(f"batch {id!r} is {batch.status} already")
        await self.ledger.mark(id, "cancelling_at")
        return await self.ledger.get(id)

    async def _close(self, id: str) -> None:
        """Chunks that never came to their end, dead letters among them, come to it now, without being tried."""
        chunks, done = await self.ledger.chunks(id), await self.ledger.done(id)
        await self.queue.enqueue_many(
            [chunk_job(id, number, "expired") for number in range(len(chunks)) if number not in done]
        )


def chunk_job(batch: str, number: int, why: str = "new") -> NewJob:
    work = {"kind": CHUNK, "batch": batch, "chunk": number}
    return NewJob(work, "batch", idempotency_key=f"{batch}:{number}:{why}")
