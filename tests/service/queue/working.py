"""Steps that the tests of the queue share."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.priority import PRIORITIES
from service.queue.attempt import Handle
from service.queue.client import JobQueue
from service.queue.consumer import Consumer, Observe, Reclaimed
from service.queue.leases import JobTerms, Leases
from service.queue.types import Job, JobStatus


async def take_one(queue: JobQueue, terms: JobTerms | None = None) -> Job:
    [job] = await Leases(queue.server, terms or JobTerms()).take(1)
    return job


async def keys_of(queue: JobQueue, kind: str) -> list[str]:
    async with queue.server.connection.command() as client:
        found = [key async for key in client.scan_iter(f"{queue.server.root}:{kind}:*")]
    return [key.decode().rpartition(":")[2] for key in found]


@asynccontextmanager
async def consuming(
    queue: JobQueue, handle: Handle, terms: JobTerms | None = None, *, concurrency: int = 8, grace_seconds: float = 5,
    observe: Observe = lambda job, state, seconds: None, reclaimed: Reclaimed = lambda jobs: None,
) -> AsyncIterator[Consumer]:  # fmt: skip
    """A consumer that works meanwhile, and is stopped at the end."""
    leases = Leases(queue.server, terms or JobTerms(), PRIORITIES)
    consumer = Consumer(leases, handle, concurrency=concurrency, observe=observe, reclaimed=reclaimed)
    running = asyncio.create_task(consumer.run(grace_seconds))
    try:
        yield consumer
    finally:
        consumer.stop()
        await running


async def final(queue: JobQueue, id: str) -> JobStatus:
    """Once it is."""
    async for _ in queue.events(id):
        pass
    return await queue.status(id)
