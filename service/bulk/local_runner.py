"""The engine on this machine: items in, rows out, a bounded number of them in between.

listing (a thread) ─► items ─► judges, so many at once ─► rows ─► output (a thread)
"""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from models.concurrency import gather_or_cancel
from service.bulk.items import Item
from service.bulk.moderator import Judge
from service.bulk.output import Output
from service.bulk.rows import Row

_CHUNK = 64  # items that are listed in one go, and rows that may wait for the disk

T = TypeVar("T")


async def judge_all(
    items: Iterator[Item],
    judge: Judge,
    output: Output,
    note: Callable[[list[Row]], None],
    stop: asyncio.Event,
) -> None:
    """Until there are no more items; after `stop`, what is in flight still gets its rows.

    `note` is told of rows once they are written. Raises what listing and writing raise.
    """
    flow = _Flow(items, judge, output, note, stop)
    try:
        await gather_or_cancel(flow.list_items(), flow.judge_items(), flow.write_rows())
    finally:
        flow.close()


class _Flow:
    def __init__(
        self,
        items: Iterator[Item],
        judge: Judge,
        output: Output,
        note: Callable[[list[Row]], None],
        stop: asyncio.Event,
    ) -> None:
        self._iterator, self._judge, self._output, self._note, self._stop = items, judge, output, note, stop
        self._items: asyncio.Queue[Item | None] = asyncio.Queue(_CHUNK)
        self._rows: asyncio.Queue[Row | None] = asyncio.Queue(_CHUNK)
        self._lister, self._writer = ThreadPoolExecutor(1, "lister"), ThreadPoolExecutor(1, "writer")

    async def list_items(self) -> None:
        while not self._stop.is_set():
            chunk = await _in(self._lister, lambda: list(islice(self._iterator, _CHUNK)))
            if not chunk:
                break
            for item in chunk:
                await self._items.put(item)
        await self._items.put(None)

    async def judge_items(self) -> None:
        await gather_or_cancel(*(self._judge_some() for _ in range(self._judge.work.reads)))
        await self._rows.put(None)

    async def _judge_some(self) -> None:
        while (item := await self._items.get()) is not None:
            if not self._stop.is_set():
                await self._rows.put(await self._judge.judge(item))
        await self._items.put(None)  # for the next of us

    async def write_rows(self) -> None:
        """While a batch of rows is written, the next gathers."""
        is_open = True
        while is_open:
            waiting = [await self._rows.get()]
            while not self._rows.empty():
                waiting.append(self._rows.get_nowait())
            is_open = waiting[-1] is not None
            if rows := [row for row in waiting if row is not None]:
                await _in(self._writer, lambda rows=rows: self._output.write([row.line for row in rows]))  # type: ignore[misc]
                self._note(rows)

    def close(self) -> None:
        self._lister.shutdown(wait=False, cancel_futures=True)
        self._writer.shutdown(wait=True)


async def _in(threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(threads, work)
