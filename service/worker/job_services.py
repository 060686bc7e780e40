"""Everything that work for later takes, opened: queue, dead letters, files, batches, callbacks."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from models.priority import PRIORITIES, Priority
from service.batches.batch_store import Ledger
from service.batches.batches import Batches
from service.batches.file_store import FileStore
from service.network.client import open_outbound
from service.queue.client import JobQueue
from service.queue.dead_letters import DeadLetters
from service.queue.factory import open_queue, terms
from service.queue.leases import Leases
from service.settings import Settings
from service.worker.webhooks import Webhooks, key_of


@dataclass(frozen=True)
class JobServices:
    queue: JobQueue
    dead: DeadLetters
    leases: Leases
    files: FileStore
    batches: Batches
    webhooks: Webhooks


@asynccontextmanager
async def open_job_services(settings: Settings, queues: Sequence[Priority] = PRIORITIES) -> AsyncIterator[JobServices]:
    """`queues` are what leases are taken from.

    Raises SettingsInvalid or EmbeddedUnavailable.
    """
    secret = settings.webhook_secret
    key = key_of(secret.get_secret_value()) if secret is not None else None
    async with open_queue(settings) as queue, open_outbound(settings.webhook_urls) as outbound:
        files = FileStore(settings.files, settings.file_keep_seconds)
        files.check()
        batches = Batches(files, Ledger(queue.server, settings.file_keep_seconds), queue)
        leases = Leases(queue.server, terms(settings), queues)
        yield JobServices(queue, DeadLetters(queue), leases, files, batches, Webhooks(outbound, key))
