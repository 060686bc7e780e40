"""Open the event logs that the settings name."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from models.errors import KernelSightError
from service.monitoring.audit.file_log import FileEventLog
from service.monitoring.audit.log import EventLog
from service.monitoring.audit.redis_log import RedisEventLog
from service.monitoring.errors import AuditOff
from service.queue.factory import open_queue
from service.settings import Settings

log = logging.getLogger(__name__)

OFF, REDIS = "off", "redis"  # any other value is a folder
DAY_SECONDS, PRUNE_SECONDS = 86_400.0, 3_600.0


@dataclass(frozen=True, slots=True)
class EventLogs:
    """`audit` has a record of every result, `feedback` the judgements of people, `disputed` the results that they
    call wrong, for review.
    """

    audit: EventLog
    feedback: EventLog
    disputed: EventLog

    @asynccontextmanager
    async def prune_periodically(self) -> AsyncIterator[None]:
        """Remove expired lines now and every hour, until the end of the block."""
        task = asyncio.create_task(self._prune())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _prune(self) -> None:
        while True:
            try:
                for event_log in (self.audit, self.feedback, self.disputed):
                    await event_log.prune()
            except KernelSightError as error:
                log.error("expired records cannot be removed: %s", error)
            await asyncio.sleep(PRUNE_SECONDS)


@asynccontextmanager
async def open_event_logs(settings: Settings) -> AsyncIterator[EventLogs]:
    """Raises AuditOff, AuditUnavailable for a folder that cannot be written to, or what `open_queue` raises."""
    monitoring = settings.monitoring
    if monitoring.audit == OFF:
        raise AuditOff
    keep = monitoring.audit_days * DAY_SECONDS
    if monitoring.audit == REDIS:
        async with open_queue(settings) as queue:
            stream = partial(
                RedisEventLog,
                queue.scripts,
                keep_seconds=keep,
                max_lines=monitoring.audit_records,
                max_bytes=monitoring.audit_bytes,
            )
            yield EventLogs(stream("audit"), stream("feedback"), stream("disputed"))
        return
    folder = Path(monitoring.audit).expanduser()
    file = partial(FileEventLog, folder, keep_seconds=keep, max_bytes=monitoring.audit_bytes)
    event_logs = EventLogs(file("audit"), file("feedback"), file("disputed"))
    file("audit").check()
    yield event_logs
