"""What looks on while a house answers: it hears of every request, and opens and closes with API and workers."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from service.components import House
from service.monitoring.canaries.metrics import CanaryMetrics
from service.monitoring.canaries.runner import Canaries, canaries_of
from service.monitoring.canaries.schedule import Schedule
from service.monitoring.feedback.aggregator import Desk, open_desk
from service.monitoring.kernel_health.monitor import KernelWatch, watching_kernels
from service.monitoring.quality.factory import open_quality
from service.monitoring.quality.observer import Quality
from service.monitoring.shadow.versions import Versions
from service.telemetry.request_context import note_result, note_text
from service.telemetry.tracing import draw_stages


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
