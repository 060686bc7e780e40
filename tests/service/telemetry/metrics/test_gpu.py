"""GPU metrics, with a fake of NVIDIA's library."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry

from service.telemetry.metrics.gpu import GpuCollector
from tests.service.telemetry.metrics.reading import Labels, series

NAMES = ("gpu_utilization_ratio", "gpu_memory_used_bytes", "gpu_memory_total_bytes")


class FakeNvmlError(Exception):
    pass


@dataclass
class FakeNvml:
    """Two GPUs. `failing` names the call that raises."""

    failing: str = ""
    NVMLError: type[Exception] = FakeNvmlError

    def _call(self, name: str) -> None:
        if name == self.failing:
            raise FakeNvmlError(name)

    def nvmlDeviceGetCount(self) -> int:
        self._call("count")
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:
        self._call("utilization")
        return SimpleNamespace(gpu=25 * (handle + 1), memory=7)

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:
        return SimpleNamespace(total=80 << 30, used=handle << 30, free=1)


def collect(nvml: FakeNvml) -> list[list[tuple[Labels, float]]]:
    registry = CollectorRegistry()
    registry.register(GpuCollector(nvml))
    return [series(registry, name) for name in NAMES]


USED = [({"gpu": "0"}, 0.0), ({"gpu": "1"}, float(1 << 30))]
TOTAL = [({"gpu": gpu}, float(80 << 30)) for gpu in "01"]


@pytest.mark.parametrize(
    ("failing", "expected"),
    [
        ("", [[({"gpu": "0"}, 0.25), ({"gpu": "1"}, 0.5)], USED, TOTAL]),
        ("utilization", [[], USED, TOTAL]),  # a slice of a GPU (MIG) reports only its memory
        ("count", [[], [], []]),  # the driver is gone
    ],
)
def test_each_gpu_reports_utilisation_and_memory_as_far_as_it_can(
    failing: str, expected: list[list[tuple[Labels, float]]]
) -> None:
    assert collect(FakeNvml(failing)) == expected
