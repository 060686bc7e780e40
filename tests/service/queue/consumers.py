"""Takes jobs and runs consumers, for the tests of the queue."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.priority import PRIORITIES
from service.queue.attempt import HandleJob
from service.queue.client import JobQueue
from service.queue.consumer import Consumer, ObserveReclaimed, ObserveRun
from service.queue.leases import JobTerms, Leases
from service.queue.types import JobStatus, QueuedJob


async def take_job(queue: JobQueue, terms: JobTerms | None = None) -> QueuedJob:
    [job] = await Leases(queue.scripts, terms or JobTerms()).take(1)
    return job


async def list_keys(queue: JobQueue, kind: str) -> list[str]:
    async with queue.scripts.connection.command() as client:
        found = [key async for key in client.scan_iter(f"{queue.scripts.root}:{kind}:*")]
    return [key.decode().rpartition(":")[2] for key in found]


@asynccontextmanager
async def run_consumer(
    queue: JobQueue,
    handle: HandleJob,
    terms: JobTerms | None = None,
    *,
    concurrency: int = 8,
    grace_seconds: float = 5,
    on_finished: ObserveRun = lambda job, state, seconds: None,
    on_reclaimed: ObserveReclaimed = lambda jobs: None,
) -> AsyncIterator[Consumer]:
    """A consumer that runs during the block."""
    leases = Leases(queue.scripts, terms or JobTerms(), PRIORITIES)
    consumer = Consumer(leases, handle, concurrency=concurrency, on_finished=on_finished, on_reclaimed=on_reclaimed)
    running = asyncio.create_task(consumer.run(grace_seconds))
    try:
        yield consumer
    finally:
        consumer.stop()
        await running


async def wait_until_final(queue: JobQueue, id: str) -> JobStatus:
    """The status once it is final."""
    async for _ in queue.events(id):
        pass
    return await queue.status(id)
