"""The process's metrics: all instruments in one registry."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.process_collector import ProcessCollector

from pipelines.captioning.encoder_cache import EncoderCache
from pipelines.confinement.process import ProcessDeaths
from pipelines.cpu_pool import CpuPool
from pipelines.engine import Engine
from pipelines.pixel_budget import PixelBudget
from service.telemetry.metrics.captioner import CaptionerMetrics
from service.telemetry.metrics.gpu import GpuCollector, open_nvml
from service.telemetry.metrics.models import BatchMetrics, ModelCollector
from service.telemetry.metrics.process import (
    BuildCollector,
    CacheCollector,
    DecoderCollector,
    LoopMetrics,
    PixelBudgetCollector,
    PoolCollector,
)
from service.telemetry.metrics.requests import RequestMetrics, StageMetrics

if TYPE_CHECKING:
    from models.runtime.runtime import Runtime


class Metrics:
    """Has a registry of its own: nothing is global, so that tests can have several."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = RequestMetrics(self.registry)
        self.stages = StageMetrics(self.registry)
        self.batches = BatchMetrics(self.registry)
        self.captioner = CaptionerMetrics(self.registry)
        self.loop = LoopMetrics(self.registry)

    def register_collectors(
        self,
        runtime: "Runtime",
        pool: CpuPool,
        budget: PixelBudget,
        deaths: Mapping[str, ProcessDeaths],
        cache: EncoderCache | None,
    ) -> None:
        """Register the collectors that read these objects, and the machine, at each scrape."""
        self.registry.register(BuildCollector(runtime.device))
        self.registry.register(ModelCollector(runtime))
        self.registry.register(PoolCollector(pool))
        self.registry.register(PixelBudgetCollector(budget))
        self.registry.register(DecoderCollector(deaths))
        if cache is not None:
            self.registry.register(CacheCollector("encoder", cache))
        if (nvml := open_nvml()) is not None:
            self.registry.register(GpuCollector(nvml))

    @asynccontextmanager
    async def measure(self, engine: Engine) -> AsyncIterator[None]:
        """Observe the engine's results and measure this event loop's lag until the end of the block."""
        engine.add_observer(self.stages.observe)
        async with self.loop.measure_lag():
            yield

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The text and its media type: OpenMetrics, which alone has exemplars, if the `Accept` header names it."""
        # Not prometheus_client's choose_encoder, which raises on a version that is no number and echoes any other.
        if "application/openmetrics-text" in accept:
            text: bytes = openmetrics.generate_latest(self.registry)  # type: ignore[no-untyped-call]
            return text, openmetrics.CONTENT_TYPE_LATEST
        return generate_latest(self.registry), CONTENT_TYPE_PLAIN_0_0_4
