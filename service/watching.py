"""What looks on while a house answers: it hears of every request, and opens and closes with API and workers."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from service.composition import House
from service.context import note_result
from service.tracing import draw_stages


@dataclass(frozen=True)
class Watch:
    """One field for each that routes ask."""


@asynccontextmanager
async def open_watch(house: House) -> AsyncIterator[Watch]:
    """Raises what its parts raise when a setting of theirs is wrong."""
    house.engine.watch(note_result)
    house.engine.watch(draw_stages)
    async with AsyncExitStack():
        yield Watch()
