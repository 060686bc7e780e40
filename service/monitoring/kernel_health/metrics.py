"""Kernel health as Prometheus sees it: the last look at each model, layer by layer."""

from collections.abc import Callable, Iterable, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from models.kernels.health import KernelHealth, LayerHealth

_Value = Callable[[LayerHealth], float | None]

_GAUGES: dict[str, tuple[str, _Value]] = {
    "dead_share": ("Kernels of a layer that always say the same.", lambda layer: layer.dead_share),
    "saturated_share": ("Activations of a layer at the limit of its ReLU6.", lambda layer: layer.saturated_share),
    "drift": ("How far activations on the drawn pictures are from the profile.", lambda layer: layer.drift),
    "traffic_drift": ("How far activations on traffic are from the profile.", lambda layer: layer.traffic_drift),
    "activation_max": ("The largest activation of a layer.", lambda layer: layer.high),
}


class KernelCollector(Collector):
    """Layers are as many as the loaded models have: the labels are a closed set."""

    def __init__(self, healths: Callable[[], Sequence[KernelHealth]]) -> None:
        self._healths = healths

    def collect(self) -> Iterable[Metric]:
        healths = self._healths()
        for name, (text, value) in _GAUGES.items():
            yield _gauge(f"kernelsight_kernel_{name}", text, value, healths)
        checked = GaugeMetricFamily(
            "kernelsight_kernel_checked_seconds", "When a model's kernels were last looked at.", labels=["model"]
        )
        for health in healths:
            checked.add_metric([health.model], health.looked_at.timestamp())
        yield checked


def _gauge(name: str, text: str, value: _Value, healths: Sequence[KernelHealth]) -> Metric:
    gauge = GaugeMetricFamily(name, text, labels=["model", "layer"])
    for health in healths:
        for layer in health.layers:
            if (number := value(layer)) is not None:
                gauge.add_metric([health.model, layer.name], number)
    return gauge
