"""The queue that the settings name, opened for one process: the server found or started, and closed at the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from service.queue.client import JobQueue
from service.queue.connection import Connection
from service.queue.embedded import EmbeddedServer
from service.queue.leases import JobTerms
from service.queue.scripts import Server
from service.settings import Settings


def terms(settings: Settings) -> JobTerms:
    return JobTerms(
        settings.lease_seconds, settings.job_attempts, settings.job_keep_seconds, settings.dead_letter_seconds
    )


@asynccontextmanager
async def open_queue(settings: Settings) -> AsyncIterator[JobQueue]:
    """Raises SettingsInvalid or EmbeddedUnavailable. A Redis that does not answer yet is no reason not to start."""
    if settings.redis_url is not None:
        async with _connected(settings.redis_url.get_secret_value(), settings) as queue:
            yield queue
        return
    embedded = EmbeddedServer(settings.queue_data)
    await asyncio.to_thread(embedded.start)
    watching = asyncio.create_task(embedded.watch())
    try:
        async with _connected(embedded.url, settings) as queue:
            yield queue
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        await asyncio.to_thread(embedded.stop)


@asynccontextmanager
async def _connected(url: str, settings: Settings) -> AsyncIterator[JobQueue]:
    connection = Connection(url)
    try:
        yield JobQueue(
            Server(connection),
            depth=settings.queue_depth,
            keep_seconds=settings.job_keep_seconds,
            payload_seconds=settings.payload_seconds,
        )
    finally:
        await connection.close()
