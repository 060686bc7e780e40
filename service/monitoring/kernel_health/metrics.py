"""Kernel health in Prometheus: the last inspection of each model, by layer."""

from collections.abc import Callable, Iterable, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from models.kernels.health import KernelHealth, LayerHealth

_LayerValue = Callable[[LayerHealth], float | None]

_GAUGES: dict[str, tuple[str, _LayerValue]] = {
    "dead_share": ("Share of a layer's kernels whose output never changes.", lambda layer: layer.dead_share),
    "saturated_share": (
        "Share of a layer's activations at the limit of its ReLU6.",
        lambda layer: layer.saturated_share,
    ),
    "drift": ("How far activations on the probe images are from the baseline.", lambda layer: layer.drift),
    "traffic_drift": ("How far activations on traffic are from the baseline.", lambda layer: layer.traffic_drift),
    "activation_max": ("The largest activation of a layer.", lambda layer: layer.high),
}


class KernelHealthCollector(Collector):
    """The labels are a closed set: the layers of the loaded models."""

    def __init__(self, healths: Callable[[], Sequence[KernelHealth]]) -> None:
        self._healths = healths

    def collect(self) -> Iterable[Metric]:
        healths = self._healths()
        for name, (text, value) in _GAUGES.items():
            yield _layer_gauge(f"kernelsight_kernel_{name}", text, value, healths)
        checked = GaugeMetricFamily(
            "kernelsight_kernel_checked_seconds", "When a model's kernels were last inspected.", labels=["model"]
        )
        for health in healths:
            checked.add_metric([health.model], health.looked_at.timestamp())
        yield checked


def _layer_gauge(name: str, text: str, value: _LayerValue, healths: Sequence[KernelHealth]) -> Metric:
    gauge = GaugeMetricFamily(name, text, labels=["model", "layer"])
    for health in healths:
        for layer in health.layers:
            if (number := value(layer)) is not None:
                gauge.add_metric([health.model, layer.name], number)
    return gauge
