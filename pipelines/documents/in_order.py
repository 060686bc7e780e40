"""Work on several pages at once, whose results come in the pages' order."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import TypeVar

ItemT = TypeVar("ItemT")
FoundT = TypeVar("FoundT")


async def in_order(
    items: Iterable[ItemT], work: Callable[[ItemT], Awaitable[FoundT]], at_once: int
) -> AsyncGenerator[FoundT, None]:
    """What `work` makes of each item, in their order; `at_once` are worked on or wait to be fetched."""
    waiting: deque[asyncio.Future[FoundT]] = deque()
    try:
        for item in items:
            waiting.append(asyncio.ensure_future(work(item)))
            if len(waiting) == at_once:
                yield await waiting.popleft()
        while waiting:
            yield await waiting.popleft()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
