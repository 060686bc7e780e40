"""Opens the queue that the settings name, for one process; starts the embedded server if there is no Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.concurrency import running_beside
from service.queue.client import JobQueue
from service.queue.connection import QueueConnection
from service.queue.embedded import EmbeddedServer
from service.queue.leases import JobTerms
from service.queue.scripts import ScriptRunner
from service.settings import Settings


def job_terms(settings: Settings) -> JobTerms:
    return JobTerms(
        settings.queue.lease_seconds,
        settings.queue.job_attempts,
        settings.queue.job_keep_seconds,
        settings.queue.dead_letter_seconds,
        settings.queue.result_bytes,
    )


@asynccontextmanager
async def open_queue(settings: Settings) -> AsyncIterator[JobQueue]:
    """Raises SettingsInvalid or EmbeddedUnavailable. A Redis that does not answer yet does not prevent the start."""
    if settings.queue.redis_url is not None:
        async with _connect(settings.queue.redis_url.get_secret_value(), settings) as queue:
            yield queue
        return
    embedded = EmbeddedServer(settings.queue.queue_data, settings.queue.queue_memory_bytes)
    await asyncio.to_thread(embedded.start)
    try:
        async with (
            running_beside(embedded.keep_alive(), name="supervision of the queue's server"),
            _connect(embedded.url, settings) as queue,
        ):
            yield queue
    finally:
        await asyncio.to_thread(embedded.stop)


@asynccontextmanager
async def _connect(url: str, settings: Settings) -> AsyncIterator[JobQueue]:
    connection = QueueConnection(url)
    try:
        yield JobQueue(
            ScriptRunner(connection),
            depth=settings.queue.queue_depth,
            keep_seconds=settings.queue.job_keep_seconds,
            payload_seconds=settings.queue.payload_seconds,
            payload_bytes=settings.queue.payload_bytes,
            result_bytes=settings.queue.result_bytes,
        )
    finally:
        await connection.close()
