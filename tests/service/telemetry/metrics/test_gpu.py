"""Figures of GPUs, from a stand-in for NVIDIA's library."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry

from service.telemetry.metrics.gpu import GpuCollector
from tests.service.telemetry.metrics.reading import Labels, series

NAMES = ("gpu_utilization_ratio", "gpu_memory_used_bytes", "gpu_memory_total_bytes")


class Refused(Exception):
    pass


@dataclass
class FakeNvml:
    """Two GPUs. `silent` names the call that is refused."""

    silent: str = ""
    NVMLError: type[Exception] = Refused

    def _call(self, name: str) -> None:
        if name == self.silent:
            raise Refused(name)

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


def told(nvml: FakeNvml) -> list[list[tuple[Labels, float]]]:
    registry = CollectorRegistry()
    registry.register(GpuCollector(nvml))
    return [series(registry, name) for name in NAMES]


USED = [({"gpu": "0"}, 0.0), ({"gpu": "1"}, float(1 << 30))]
TOTAL = [({"gpu": gpu}, float(80 << 30)) for gpu in "01"]


@pytest.mark.parametrize(
    ("silent", "expected"),
    [
        ("", [[({"gpu": "0"}, 0.25), ({"gpu": "1"}, 0.5)], USED, TOTAL]),
        ("utilization", [[], USED, TOTAL]),  # a slice of a GPU tells its memory only
        ("count", [[], [], []]),  # the driver went away
    ],
)
def test_each_gpu_tells_its_use_and_memory_as_far_as_it_can(
    silent: str, expected: list[list[tuple[Labels, float]]]
) -> None:
    assert told(FakeNvml(silent)) == expected
