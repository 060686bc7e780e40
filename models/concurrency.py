"""Runs coroutines concurrently, and leaves none running when one of them fails."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar


async def gather_or_cancel(*coroutines: Coroutine[Any, Any, Any]) -> list[Any]:
    """All results, in order; when one fails, the others are cancelled before its error is raised."""
    if len(coroutines) <= 1:  # no task of its own: most often there is one
        return [await coroutine for coroutine in coroutines]
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        raise


@asynccontextmanager
async def running_beside(work: Coroutine[Any, Any, None], *, name: str) -> AsyncIterator[None]:
    """Run `work` until it or the block ends. What it raises is raised at the end of the block."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


ItemT = TypeVar("ItemT")

ResultT = TypeVar("ResultT")


async def ordered_map(
    items: Iterable[ItemT], work: Callable[[ItemT], Awaitable[ResultT]], limit: int
) -> AsyncGenerator[ResultT, None]:
    """The results of `work` in the order of the items; at most `limit` of them run or wait to be fetched."""
    waiting: deque[asyncio.Future[ResultT]] = deque()
    try:
        for item in items:
            waiting.append(asyncio.ensure_future(work(item)))
            if len(waiting) == limit:
                yield await waiting.popleft()
        while waiting:
            yield await waiting.popleft()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


KeyT = TypeVar("KeyT")


@dataclass(slots=True)
class _Call(Generic[ResultT]):
    task: asyncio.Task[ResultT]
    waiters: int = 0


class SharedCalls(Generic[KeyT, ResultT]):
    """Single flight: whoever asks for a key while its call is running waits for that call.

    A call belongs to none of its waiters: when one is cancelled, the others still get the result. A call without
    waiters is cancelled. Belongs to one event loop.
    """

    def __init__(self) -> None:
        self._running: dict[KeyT, _Call[ResultT]] = {}

    def __contains__(self, key: KeyT) -> bool:
        return key in self._running

    async def run(self, key: KeyT, call: Callable[[], Coroutine[Any, Any, ResultT]]) -> ResultT:
        """The result of the running call, or of a new one; raises what it raises."""
        if key not in self._running:
            self._running[key] = _Call(asyncio.create_task(call()))
        shared = self._running[key]
        shared.waiters += 1
        try:
            return await asyncio.shield(shared.task)
        finally:
            shared.waiters -= 1
            if not shared.waiters:
                del self._running[key]
                shared.task.cancel()  # no effect if it is done
