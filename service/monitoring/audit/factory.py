"""The journals that the settings name, for one process."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from models.errors import KernelSightError
from service.monitoring.audit.file_log import FileJournal
from service.monitoring.audit.log import Journal
from service.monitoring.audit.redis_log import StreamJournal
from service.monitoring.errors import AuditOff
from service.queue.factory import open_queue
from service.settings import Settings

log = logging.getLogger(__name__)

OFF, REDIS = "off", "redis"  # all else is a folder
DAY_SECONDS, PRUNE_SECONDS = 86_400.0, 3_600.0


@dataclass(frozen=True, slots=True)
class Journals:
    """`audit` has every result, `feedback` what people said of some, `disputed` what they say is wrong, for review."""

    audit: Journal
    feedback: Journal
    disputed: Journal

    @asynccontextmanager
    async def pruned(self) -> AsyncIterator[None]:
        """Lines whose time is over go, now and every hour, until the end of the block."""
        task = asyncio.create_task(self._prune())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _prune(self) -> None:
        while True:
            try:
                for journal in (self.audit, self.feedback, self.disputed):
                    await journal.prune()
            except KernelSightError as error:
                log.error("old records stay: %s", error)
            await asyncio.sleep(PRUNE_SECONDS)


@asynccontextmanager
async def open_journals(settings: Settings) -> AsyncIterator[Journals]:
    """Raises AuditOff, AuditUnavailable for a folder that cannot be written to, or what `open_queue` raises."""
    if settings.audit == OFF:
        raise AuditOff
    keep = settings.audit_days * DAY_SECONDS
    if settings.audit == REDIS:
        async with open_queue(settings) as queue:
            stream = partial(StreamJournal, queue.server, keep_seconds=keep, most=settings.audit_records)
            yield Journals(stream("audit"), stream("feedback"), stream("disputed"))
        return
    file = partial(FileJournal, Path(settings.audit).expanduser(), keep_seconds=keep)
    journals = Journals(file("audit"), file("feedback"), file("disputed"))
    file("audit").check()
    yield journals
