"""A running service inspects its models' kernels, on probe images and on traffic, and exports the results."""

import asyncio
import io

import pytest
from PIL import Image

from models.errors import KernelsUnavailable, LayerUnknown, ModelMissing
from models.kernels.health import KernelHealth
from pipelines.captioning.options import FeaturesOptions
from service.components import Components, open_components
from service.monitoring.kernel_health.monitor import KernelMonitor, open_kernel_monitor
from service.settings import MonitoringSettings, Settings
from service.telemetry.metrics import Metrics
from tests.conftest import Jpeg

MODEL = "efficientnet-lite0"


async def wait_for_traffic(components: Components, monitor: KernelMonitor, image: bytes) -> KernelHealth:
    """Send traffic until an inspection has pictures of it."""
    while True:
        await components.engine.run(image, {"features": FeaturesOptions()})
        for health in monitor.healths:
            if health.traffic:
                return health
        await asyncio.sleep(0.05)


def test_periodic_inspections_use_traffic_and_are_exported_by_layer(jpeg: Jpeg) -> None:
    async def run() -> tuple[KernelHealth, str]:
        settings, metrics = Settings(monitoring=MonitoringSettings(kernel_check_seconds=0.2)), Metrics()
        async with (
            open_components(settings, metrics, only=("features",)) as components,
            open_kernel_monitor(components) as monitor,
        ):
            async with asyncio.timeout(60):
                health = await wait_for_traffic(components, monitor, jpeg("cat"))
            return health, metrics.render()[0].decode()

    health, text = asyncio.run(run())
    stem = health.layers[0]

    assert health.model == MODEL
    assert stem.name == "conv_stem"
    assert stem.drift == 0
    assert stem.traffic_drift is not None
    for name in ("dead_share", "saturated_share", "drift", "traffic_drift", "activation_max"):
        assert f'kernelsight_kernel_{name}{{layer="conv_stem",model="{MODEL}"}}' in text
    assert f'kernelsight_kernel_checked_seconds{{model="{MODEL}"}}' in text


def test_without_periodic_inspections_a_request_inspects_without_traffic(jpeg: Jpeg) -> None:
    async def run() -> tuple[list[KernelHealth], KernelHealth, tuple[int, int], list[type[Exception]]]:
        settings = Settings(monitoring=MonitoringSettings(kernel_check_seconds=0))
        async with (
            open_components(settings, Metrics(), only=("features",)) as components,
            open_kernel_monitor(components) as monitor,
        ):
            await components.engine.run(jpeg("cat"), {"features": FeaturesOptions()})
            before = list(monitor.healths)
            manifest = components.catalog.get(MODEL)
            found = await monitor.health(manifest)
            picture = Image.open(io.BytesIO(await monitor.kernels_png(manifest, None)))
            errors: list[type[Exception]] = []
            for kind, work in (
                (LayerUnknown, monitor.activations_png(manifest, "no such layer")),
                (KernelsUnavailable, monitor.kernels_png(manifest, "conv_head")),
                (ModelMissing, monitor.health(components.catalog.get("rfb-640"))),
            ):
                with pytest.raises(kind):
                    await work
                errors.append(kind)
            return before, found, picture.size, errors

    before, found, size, errors = asyncio.run(run())

    assert before == []
    assert found.traffic == 0
    assert len(found.layers) == 49
    assert len(errors) == 3
    assert size == (8 * 48 + 6, 4 * 48 + 6)
