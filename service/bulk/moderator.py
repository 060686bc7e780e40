"""Moderates one item and builds its row, whatever goes wrong; used by the local runner and on each Ray node."""

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic, perf_counter

from models.errors import KernelSightError, Overloaded
from pipelines.engine import Engine
from pipelines.findings import Findings
from pipelines.moderation.options import ModerationOptions
from service.bulk.items import BulkItem
from service.bulk.reader import ItemReader
from service.bulk.rows import ModerationRow, RowBuilder
from service.bulk.run_fingerprint import RunFingerprint
from service.components import open_components
from service.settings import Settings
from service.telemetry.metrics import Metrics

log = logging.getLogger(__name__)


class ItemCrashed(KernelSightError):
    """A bug, not the image's fault; the log has the details."""

    code = "internal"


@dataclass(frozen=True)
class BulkOptions:
    """How each item is moderated, and how many are in flight.

    `concurrent_reads` items are in flight (being read, or waiting for the models); `concurrent_moderations` of them are
    in the engine. An item that has no result `timeout_seconds` after it was read is given up.
    """

    moderation: ModerationOptions
    timeout_seconds: float = 120.0
    concurrent_moderations: int = 6
    concurrent_reads: int = 16


@dataclass(frozen=True)
class BulkModerator:
    engine: Engine
    reader: ItemReader
    row_builder: RowBuilder
    fingerprint: RunFingerprint
    options: BulkOptions
    slots: asyncio.Semaphore

    async def moderate(self, item: BulkItem) -> ModerationRow:
        """Raises nothing except CancelledError."""
        started, data = perf_counter(), None
        try:
            data = await self.reader.read(item)
            async with self.slots:
                started = perf_counter()
                findings = await self._run_engine(data)
            return self.row_builder.build_row(item, findings, perf_counter() - started)
        except KernelSightError as error:
            return self.row_builder.build_error_row(item, error, data, perf_counter() - started)
        except Exception:
            log.exception("bug at %r", item.source)
            crash = ItemCrashed("this is a bug; the log has the details")
            return self.row_builder.build_error_row(item, crash, data, perf_counter() - started)

    async def _run_engine(self, data: bytes) -> Findings:
        """Waits and retries while the engine is overloaded; there is no client to send a 429 to."""
        deadline = monotonic() + self.options.timeout_seconds
        while True:
            try:
                return await self.engine.run(
                    data, {"moderation": self.options.moderation}, priority="batch", deadline=deadline
                )
            except Overloaded as error:
                if monotonic() + error.retry_seconds >= deadline:
                    raise
                await asyncio.sleep(error.retry_seconds)


@asynccontextmanager
async def open_moderator(settings: Settings, options: BulkOptions) -> AsyncIterator[BulkModerator]:
    """Raises what `open_components` raises, and RequestRejected for options that policy or pipeline do not know."""
    text_pipeline = ("document",) if "text" in options.moderation.signals else ()
    threads = ThreadPoolExecutor(options.concurrent_reads, thread_name_prefix="read")
    try:
        async with open_components(settings, Metrics(), only=("moderation", *text_pipeline)) as components:
            components.policy.pin()  # one policy for the whole run
            findings = await components.engine.warm({"moderation": options.moderation})
            yield BulkModerator(
                components.engine,
                ItemReader(
                    components.fetcher,
                    threads,
                    max(settings.limits.max_image_bytes, settings.limits.max_document_bytes),
                ),
                RowBuilder(await components.policy.current(), findings.models),
                RunFingerprint.compute(settings, options.moderation, findings),
                options,
                asyncio.Semaphore(options.concurrent_moderations),
            )
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
