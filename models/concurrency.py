"""Runs coroutines concurrently, and leaves none running when one of them fails."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar


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
