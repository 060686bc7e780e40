"""Runs a bulk run on this machine, with a bounded number of items in flight.

listing (a thread) ─► items ─► moderator, so many at once ─► rows ─► output (a thread)
"""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from models.concurrency import gather_or_cancel
from service.bulk.items import BulkItem
from service.bulk.moderator import BulkModerator
from service.bulk.output import BulkOutput
from service.bulk.rows import ModerationRow

_QUEUE_SIZE = 64  # items listed in one go, and rows that may wait for the disk

T = TypeVar("T")


async def moderate_items(
    items: Iterator[BulkItem],
    moderator: BulkModerator,
    output: BulkOutput,
    on_written: Callable[[list[ModerationRow]], None],
    stop: asyncio.Event,
) -> None:
    """Moderate `items` to the end; after `stop`, items in flight still get their rows.

    `on_written` is called with rows once they are written. Raises what listing and writing raise.
    """
    flow = _Flow(items, moderator, output, on_written, stop)
    try:
        await gather_or_cancel(flow.list_items(), flow.moderate_items(), flow.write_rows())
    finally:
        flow.close()


class _Flow:
    def __init__(
        self,
        items: Iterator[BulkItem],
        moderator: BulkModerator,
        output: BulkOutput,
        on_written: Callable[[list[ModerationRow]], None],
        stop: asyncio.Event,
    ) -> None:
        self._iterator, self._moderator, self._output = items, moderator, output
        self._on_written, self._stop = on_written, stop
        self._items: asyncio.Queue[BulkItem | None] = asyncio.Queue(_QUEUE_SIZE)
        self._rows: asyncio.Queue[ModerationRow | None] = asyncio.Queue(_QUEUE_SIZE)
        self._lister, self._writer = ThreadPoolExecutor(1, "lister"), ThreadPoolExecutor(1, "writer")

    async def list_items(self) -> None:
        while not self._stop.is_set():
            chunk = await _run_in(self._lister, lambda: list(islice(self._iterator, _QUEUE_SIZE)))
            if not chunk:
                break
            for item in chunk:
                await self._items.put(item)
        await self._items.put(None)

    async def moderate_items(self) -> None:
        await gather_or_cancel(*(self._moderate_some() for _ in range(self._moderator.options.concurrent_reads)))
        await self._rows.put(None)

    async def _moderate_some(self) -> None:
        while (item := await self._items.get()) is not None:
            if not self._stop.is_set():
                await self._rows.put(await self._moderator.moderate(item))
        await self._items.put(None)  # ends the next one, too

    async def write_rows(self) -> None:
        """While rows are being written, the next ones gather."""
        is_open = True
        while is_open:
            waiting = [await self._rows.get()]
            while not self._rows.empty():
                waiting.append(self._rows.get_nowait())
            is_open = waiting[-1] is not None
            if rows := [row for row in waiting if row is not None]:
                await _run_in(self._writer, lambda rows=rows: self._output.write([row.line for row in rows]))  # type: ignore[misc]
                self._on_written(rows)

    def close(self) -> None:
        self._lister.shutdown(wait=False, cancel_futures=True)
        self._writer.shutdown(wait=True)


async def _run_in(threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(threads, work)
