"""What looks on while a house answers: it hears of every request, and opens and closes with API and workers."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from service.canary.canaries import Canaries
from service.canary.metrics import CanaryMetrics
from service.canary.opening import canaries_of
from service.canary.schedule import Schedule
from service.composition import House
from service.context import note_result, note_text
from service.feedback.desk import Desk
from service.feedback.opening import open_desk
from service.kernels.watch import KernelWatch, watching_kernels
from service.quality.observer import Quality
from service.quality.opening import open_quality
from service.shadow.promotion import Versions
from service.tracing import draw_stages


@dataclass(frozen=True)
class Watch:
    """One field for each that routes ask."""

    canaries: Canaries
    versions: Versions
    quality: Quality
    feedback: Desk | None
    kernels: KernelWatch


@asynccontextmanager
async def open_watch(house: House) -> AsyncIterator[Watch]:
    """Raises what its parts raise when a setting of theirs is wrong."""
    canaries = canaries_of(house.engine, house.settings, CanaryMetrics(house.metrics.registry).heard)
    house.engine.watch(note_result)
    house.texts.watch(note_text)
    house.engine.watch(draw_stages)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(house.metrics.watching(house.engine))
        quality = await stack.enter_async_context(open_quality(house))
        schedule = await stack.enter_async_context(Schedule(canaries, house.settings.canary_seconds).open())
        versions = await stack.enter_async_context(Versions(house, schedule.run_now).open())
        desk = await stack.enter_async_context(open_desk(house))
        kernels = await stack.enter_async_context(watching_kernels(house))
        yield Watch(canaries, versions, quality, desk, kernels)
