"""What looks on while a house answers: it hears of every request, and opens and closes with API and workers."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from service.composition import House
from service.quality.observer import Quality
from service.quality.opening import open_quality


@dataclass(frozen=True)
class Watch:
    """One field for each that routes ask."""

    quality: Quality


@asynccontextmanager
async def open_watch(house: House) -> AsyncIterator[Watch]:
    """Raises what its parts raise when a setting of theirs is wrong."""
    async with AsyncExitStack() as stack:
        quality = await stack.enter_async_context(open_quality(house))
        yield Watch(quality)
