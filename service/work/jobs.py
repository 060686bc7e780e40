"""Everything that work for later takes, opened: queue, dead letters, files, batches, callbacks."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from models.waiting import PRIORITIES, Priority
from service.batch_api.batches import Batches
from service.batch_api.files import FileStore
from service.batch_api.ledger import Ledger
from service.jobs.connection import Connection
from service.jobs.dead_letters import DeadLetters
from service.jobs.embedded import EmbeddedServer
from service.jobs.leases import Leases, Terms
from service.jobs.queue import JobQueue
from service.jobs.server import Server
from service.outbound import open_outbound
from service.settings import Settings
from service.work.webhooks import Webhooks, key_of


@dataclass(frozen=True)
class Jobs:
    queue: JobQueue
    dead: DeadLetters
    leases: Leases
    files: FileStore
    batches: Batches
    webhooks: Webhooks


@asynccontextmanager
async def open_jobs(settings: Settings, queues: Sequence[Priority] = PRIORITIES) -> AsyncIterator[Jobs]:
    """`queues` are what leases are taken from. Where no Redis is named, one is started or joined on this machine.

    Raises SettingsInvalid, EmbeddedUnavailable or QueueUnavailable.
    """
    secret = settings.webhook_secret
    key = key_of(secret.get_secret_value()) if secret is not None else None
    async with _url_of(settings) as url, open_outbound(settings.webhook_urls) as outbound:
        connection = Connection(url)
        try:
            server = Server(connection)
            queue = JobQueue(server, depth=settings.queue_depth, keep_seconds=settings.job_keep_seconds)
            await queue.depths()  # a server that cannot be used is told of at start
            terms = Terms(
                settings.lease_seconds, settings.job_attempts, settings.job_keep_seconds, settings.dead_letter_seconds
            )
            files = FileStore(settings.files, settings.file_keep_seconds)
            batches = Batches(files, Ledger(server, settings.file_keep_seconds), queue)
            leases, webhooks = Leases(server, terms, queues), Webhooks(outbound, key)
            yield Jobs(queue, DeadLetters(queue), leases, files, batches, webhooks)
        finally:
            await connection.close()


@asynccontextmanager
async def _url_of(settings: Settings) -> AsyncIterator[str]:
    if settings.redis_url is not None:
        yield settings.redis_url.get_secret_value()
        return
    server = EmbeddedServer(settings.queue_data.expanduser())
    await asyncio.to_thread(server.start)
    watch = asyncio.create_task(server.watch())
    try:
        yield server.url
    finally:
        watch.cancel()
        await asyncio.to_thread(server.stop)
