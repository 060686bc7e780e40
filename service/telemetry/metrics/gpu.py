"""Memory and utilisation of the GPUs, read from NVIDIA's management library at each scrape."""

import logging
from collections.abc import Iterable
from typing import Any, Protocol

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

log = logging.getLogger(__name__)


class Nvml(Protocol):
    """The functions used of the module `pynvml`, from NVIDIA's nvidia-ml-py (BSD)."""

    NVMLError: type[Exception]

    def nvmlDeviceGetCount(self) -> int: ...
    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any: ...
    def nvmlDeviceGetUtilizationRates(self, handle: Any) -> Any: ...
    def nvmlDeviceGetMemoryInfo(self, handle: Any) -> Any: ...


def open_nvml() -> Nvml | None:
    """None without the package, the driver or a GPU."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        log.info("no GPU metrics: %s", error)
        return None
    nvml: Nvml = pynvml
    return nvml


class GpuCollector(Collector):
    """All GPUs that NVML lists, by index, without the values that a GPU does not report."""

    def __init__(self, nvml: Nvml) -> None:
        self._nvml = nvml

    def collect(self) -> Iterable[Metric]:
        utilization = GaugeMetricFamily(
            "kernelsight_gpu_utilization_ratio", "Share of the last moment in which a kernel ran.", labels=["gpu"]
        )
        used = GaugeMetricFamily("kernelsight_gpu_memory_used_bytes", "By all processes.", labels=["gpu"])
        total = GaugeMetricFamily("kernelsight_gpu_memory_total_bytes", "What the GPU has.", labels=["gpu"])
        for index, handle in self._handles():
            try:
                memory = self._nvml.nvmlDeviceGetMemoryInfo(handle)
                used.add_metric([index], memory.used)
                total.add_metric([index], memory.total)
                utilization.add_metric([index], self._nvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100)
            except self._nvml.NVMLError as error:  # a slice of a GPU (MIG) reports only its memory
                log.debug("GPU %s does not report everything: %s", index, error)
        return utilization, used, total

    def _handles(self) -> list[tuple[str, Any]]:
        try:
            count = self._nvml.nvmlDeviceGetCount()
            return [(str(index), self._nvml.nvmlDeviceGetHandleByIndex(index)) for index in range(count)]
        except self._nvml.NVMLError as error:  # a scrape must not fail because the driver is gone
            log.debug("no GPUs: %s", error)
            return []
