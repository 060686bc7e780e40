"""What looks on while a house answers: it hears of every request, and opens and closes with API and workers."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from service.components import Components
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
class Monitors:
    """One field for each that routes ask."""

    canaries: Canaries
    versions: Versions
    quality: Quality
    feedback: Desk | None
    kernels: KernelWatch


@asynccontextmanager
async def open_monitors(components: Components) -> AsyncIterator[Monitors]:
    """Raises what its parts raise when a setting of theirs is wrong."""
    canaries = canaries_of(components.engine, components.settings, CanaryMetrics(components.metrics.registry).heard)
    components.engine.add_observer(note_result)
    components.texts.add_observer(note_text)
    components.engine.add_observer(draw_stages)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(components.metrics.watching(components.engine))
        quality = await stack.enter_async_context(open_quality(components))
        schedule = await stack.enter_async_context(Schedule(canaries, components.settings.canary_seconds).open())
        versions = await stack.enter_async_context(Versions(components, schedule.run_now).open())
        desk = await stack.enter_async_context(open_desk(components))
        kernels = await stack.enter_async_context(watching_kernels(components))
        yield Monitors(canaries, versions, quality, desk, kernels)
