"""Open all monitors of a process: the API and the workers open and close them with their components."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from service.components import Components
from service.monitoring.canaries.metrics import CanaryMetrics
from service.monitoring.canaries.runner import CanaryRunner, build_canary_runner
from service.monitoring.canaries.schedule import CanarySchedule
from service.monitoring.feedback.aggregator import FeedbackAggregator, open_feedback
from service.monitoring.kernel_health.monitor import KernelMonitor, open_kernel_monitor
from service.monitoring.quality.factory import open_quality
from service.monitoring.quality.observer import QualityObserver
from service.monitoring.shadow.versions import ShadowVersions
from service.telemetry.request_context import record_result_id, record_text_result_id
from service.telemetry.tracing import record_stages


@dataclass(frozen=True)
class Monitors:
    """The monitors that routes query."""

    canaries: CanaryRunner
    versions: ShadowVersions
    quality: QualityObserver
    feedback: FeedbackAggregator | None  # None where the audit log is off
    kernels: KernelMonitor


@asynccontextmanager
async def open_monitors(components: Components) -> AsyncIterator[Monitors]:
    """Raises what the monitors raise when one of their settings is wrong."""
    canaries = build_canary_runner(
        components.engine, components.settings, CanaryMetrics(components.metrics.registry).record
    )
    components.engine.add_observer(record_result_id)
    components.texts.add_observer(record_text_result_id)
    components.engine.add_observer(record_stages)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(components.metrics.measure(components.engine))
        quality = await stack.enter_async_context(open_quality(components))
        canary_seconds = components.settings.monitoring.canary_seconds
        schedule = await stack.enter_async_context(CanarySchedule(canaries, canary_seconds).open())
        versions = await stack.enter_async_context(ShadowVersions(components, schedule.request_run).open())
        feedback = await stack.enter_async_context(open_feedback(components))
        kernels = await stack.enter_async_context(open_kernel_monitor(components))
        yield Monitors(canaries, versions, quality, feedback, kernels)
