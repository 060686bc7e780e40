"""Metrics of the process: versions, CPU threads, lag of the event loop, and caches."""

import asyncio
import platform
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version
from typing import Protocol

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from models.concurrency import running_beside
from models.device import Device
from models.priority import PRIORITIES
from pipelines.confinement.process import ProcessDeaths
from pipelines.cpu_pool import CpuPool
from pipelines.pixel_budget import PixelBudget

LAG_INTERVAL_SECONDS = 0.25

_LAG_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)  # 10 ms is a lot already


class BuildCollector(Collector):
    def __init__(self, device: Device) -> None:
        # Imported here: a process that runs no model does not load ONNX Runtime.
        from models.runtime.backends.onnxruntime import RUNTIME_VERSION

        names = ["version", "python", "onnxruntime", "device"]
        self._info = GaugeMetricFamily("kernelsight_build_info", "1, and what answers here.", labels=names)
        self._info.add_metric([version("kernelsight"), platform.python_version(), RUNTIME_VERSION, device], 1)

    def collect(self) -> Iterable[Metric]:
        yield self._info


class PoolCollector(Collector):
    """Reads the threads that decode and compute at each scrape."""

    def __init__(self, pool: CpuPool) -> None:
        self._pool = pool

    def collect(self) -> Iterable[Metric]:
        threads = GaugeMetricFamily(
            "kernelsight_pool_threads", "Threads for decoding and arrays, by what they do now.", labels=["state"]
        )
        busy = self._pool.busy
        threads.add_metric(["busy"], busy)
        threads.add_metric(["free"], self._pool.threads - busy)
        waiting = GaugeMetricFamily(
            "kernelsight_pool_waiting", "Calls that wait for one of these threads.", labels=["priority"]
        )
        for priority in PRIORITIES:
            waiting.add_metric([priority], self._pool.depth(priority))
        return threads, waiting


class PixelBudgetCollector(Collector):
    """Reads the memory for pixels at each scrape."""

    def __init__(self, budget: PixelBudget) -> None:
        self._budget = budget

    def collect(self) -> Iterable[Metric]:
        charged = GaugeMetricFamily("kernelsight_pixel_memory_bytes", "Memory that is charged for decoded pixels.")
        charged.add_metric([], self._budget.used_bytes)
        limit = GaugeMetricFamily("kernelsight_pixel_memory_limit_bytes", "The most that may be charged.")
        limit.add_metric([], self._budget.limit_bytes)
        waiting = GaugeMetricFamily("kernelsight_pixel_memory_waiting", "Requests and pages that wait for such memory.")
        waiting.add_metric([], self._budget.waiting)
        return charged, limit, waiting


class DecoderCollector(Collector):
    """Reads how many confined processes have ended, by what they decode, at each scrape."""

    def __init__(self, deaths: Mapping[str, ProcessDeaths]) -> None:
        self._deaths = deaths

    def collect(self) -> Iterable[Metric]:
        ended = CounterMetricFamily(
            "kernelsight_decoder_deaths",
            "Confined decoders that a file has ended; each is replaced.",
            labels=["decoder", "reason"],
        )
        for decoder, deaths in self._deaths.items():
            for reason, count in deaths.by_reason().items():
                ended.add_metric([decoder, reason], count)
        yield ended


class LoopMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._lag = Histogram(
            "kernelsight_event_loop_lag_seconds", "How much later than it should a sleeper on the event loop wakes.",
            buckets=_LAG_SECONDS, registry=registry,
        )  # fmt: skip

    def measure_lag(self, interval_seconds: float = LAG_INTERVAL_SECONDS) -> AbstractAsyncContextManager[None]:
        """Measure the running event loop until the end of the block."""
        return running_beside(self._sample_lag(interval_seconds), name="event loop lag")

    async def _sample_lag(self, interval_seconds: float) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + interval_seconds
            await asyncio.sleep(interval_seconds)
            self._lag.observe(max(0.0, loop.time() - due))


class CacheStats(Protocol):
    hits: int
    misses: int


class CacheCollector(Collector):
    def __init__(self, name: str, cache: CacheStats) -> None:
        self._name, self._cache = name, cache

    def collect(self) -> Iterable[Metric]:
        requests = CounterMetricFamily(
            "kernelsight_cache_requests",
            "What a cache was asked for.",
            labels=["cache", "outcome"],
        )
        requests.add_metric([self._name, "hit"], self._cache.hits)
        requests.add_metric([self._name, "miss"], self._cache.misses)
        yield requests
