"""What looks on while a house answers: it hears of every request, and opens and closes with API and workers."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from service.composition import House
from service.kernels.watch import KernelWatch, watching_kernels


@dataclass(frozen=True)
class Watch:
    """One field for each that routes ask."""

    kernels: KernelWatch


@asynccontextmanager
async def open_watch(house: House) -> AsyncIterator[Watch]:
    """Raises what its parts raise when a setting of theirs is wrong."""
    async with AsyncExitStack() as stack:
        yield Watch(kernels=await stack.enter_async_context(watching_kernels(house)))
