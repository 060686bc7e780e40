"""Item to row, whatever goes wrong with it: what every engine runs, on this machine and on each node of a cluster."""

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
from service.bulk.items import Item
from service.bulk.reader import Reader
from service.bulk.rows import Row, RowMaker
from service.bulk.run_fingerprint import Conditions
from service.components import open_components
from service.settings import Settings
from service.telemetry.metrics import Metrics

log = logging.getLogger(__name__)


class ItemBug(KernelSightError):
    """Not the image's fault; the log has the details."""

    code = "internal"


@dataclass(frozen=True)
class Work:
    """What is asked of each item, and how many are in flight.

    `reads` files are being read or wait for the models, of which `judges` are being judged. An item that is not
    judged `seconds` after it was read is given up.
    """

    options: ModerationOptions
    seconds: float = 120.0
    judges: int = 6
    reads: int = 16


@dataclass(frozen=True)
class Judge:
    engine: Engine
    reader: Reader
    maker: RowMaker
    conditions: Conditions
    work: Work
    slots: asyncio.Semaphore

    async def judge(self, item: Item) -> Row:
        """Never raises but when it is cancelled."""
        started, data = perf_counter(), None
        try:
            data = await self.reader.read(item)
            async with self.slots:
                started = perf_counter()
                findings = await self._findings(data)
            return self.maker.judged(item, findings, perf_counter() - started)
        except KernelSightError as error:
            return self.maker.failed(item, error, data, perf_counter() - started)
        except Exception as cause:
            log.exception("bug at %r", item.source)
            return self.maker.failed(item, ItemBug(f"{type(cause).__name__}: {cause}"), data, perf_counter() - started)

    async def _findings(self, data: bytes) -> Findings:
        """What is full has room again: nobody is told to come back later but we."""
        deadline = monotonic() + self.work.seconds
        while True:
            try:
                return await self.engine.run(
                    data, {"moderation": self.work.options}, priority="batch", deadline=deadline
                )
            except Overloaded as error:
                if monotonic() + error.retry_seconds >= deadline:
                    raise
                await asyncio.sleep(error.retry_seconds)


@asynccontextmanager
async def open_judge(settings: Settings, work: Work) -> AsyncIterator[Judge]:
    """Raises as `open_components` does, and RequestRejected for options that policy or pipeline do not know."""
    reads = ("document",) if "text" in work.options.signals else ()
    threads = ThreadPoolExecutor(work.reads, thread_name_prefix="read")
    try:
        async with open_components(settings, Metrics(), only=("moderation", *reads)) as components:
            components.policy.pin()  # one batch, one policy
            tried = await components.engine.warm({"moderation": work.options})
            yield Judge(
                components.engine,
                Reader(components.fetcher, threads, max(settings.max_image_bytes, settings.max_document_bytes)),
                RowMaker(await components.policy.current(), tried.models),
                Conditions.of(settings, work.options, tried),
                work,
                asyncio.Semaphore(work.judges),
            )
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
