"""Opens everything that jobs need: queue, dead letters, files, batches, callbacks."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from models.priority import PRIORITIES, Priority
from service.batches.batch_store import BatchStore
from service.batches.batches import Batches
from service.batches.file_quota import FileQuota
from service.batches.file_store import FileStore
from service.network.client import open_outbound_client
from service.queue.client import JobQueue
from service.queue.dead_letters import DeadLetters
from service.queue.factory import job_terms, open_queue
from service.queue.leases import Leases
from service.settings import Settings
from service.worker.webhooks import Webhooks, signing_key


@dataclass(frozen=True)
class JobServices:
    queue: JobQueue
    dead_letters: DeadLetters
    leases: Leases
    files: FileStore
    batches: Batches
    webhooks: Webhooks


@asynccontextmanager
async def open_job_services(settings: Settings, queues: Sequence[Priority] = PRIORITIES) -> AsyncIterator[JobServices]:
    """Leases take jobs from `queues` only. Raises SettingsInvalid or EmbeddedUnavailable."""
    secret = settings.webhooks.webhook_secret
    key = signing_key(secret.get_secret_value()) if secret is not None else None
    async with open_queue(settings) as queue, open_outbound_client(settings.webhooks.webhook_urls) as outbound:
        files = FileStore(
            settings.batches.files, settings.batches.file_keep_seconds, FileQuota(settings.batches.files_bytes)
        )
        files.check()
        batches = Batches(files, BatchStore(queue.scripts, settings.batches.file_keep_seconds), queue)
        leases = Leases(queue.scripts, job_terms(settings), queues)
        yield JobServices(queue, DeadLetters(queue), leases, files, batches, Webhooks(outbound, key))
