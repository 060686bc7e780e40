"""A running service looks at its models' kernels, on drawn pictures and on what comes in, and metrics show it."""

import asyncio
import io

import pytest
from PIL import Image

from models.errors import KernelsUnavailable, LayerUnknown, ModelMissing
from models.kernels.health import KernelHealth
from pipelines.captioning.pipeline import FeaturesOptions
from service.components import Components, open_components
from service.monitoring.kernel_health.monitor import KernelWatch, watching_kernels
from service.settings import Settings
from service.telemetry.metrics import Metrics
from tests.conftest import Jpeg

MODEL = "efficientnet-lite0"


async def seen_traffic(components: Components, watch: KernelWatch, image: bytes) -> KernelHealth:
    """A look with pictures of the traffic in it, which comes until there is one."""
    while True:
        await components.engine.run(image, {"features": FeaturesOptions()})
        for health in watch.healths:
            if health.traffic:
                return health
        await asyncio.sleep(0.05)


def test_regular_looks_see_traffic_and_metrics_have_them_by_layer(jpeg: Jpeg) -> None:
    async def run() -> tuple[KernelHealth, str]:
        settings, metrics = Settings(kernel_check_seconds=0.2), Metrics()
        async with (
            open_components(settings, metrics, only=("features",)) as components,
            watching_kernels(components) as watch,
        ):
            async with asyncio.timeout(60):
                health = await seen_traffic(components, watch, jpeg("cat"))
            return health, metrics.render()[0].decode()

    health, text = asyncio.run(run())
    stem = health.layers[0]

    assert (health.model, stem.name, stem.drift) == (MODEL, "conv_stem", 0)
    assert stem.traffic_drift is not None
    for name in ("dead_share", "saturated_share", "drift", "traffic_drift", "activation_max"):
        assert f'kernelsight_kernel_{name}{{layer="conv_stem",model="{MODEL}"}}' in text
    assert f'kernelsight_kernel_checked_seconds{{model="{MODEL}"}}' in text


def test_without_regular_looks_somebody_may_ask_and_traffic_is_left_alone(jpeg: Jpeg) -> None:
    async def run() -> tuple[list[KernelHealth], KernelHealth, tuple[int, int], list[type[Exception]]]:
        settings = Settings(kernel_check_seconds=0)
        async with (
            open_components(settings, Metrics(), only=("features",)) as components,
            watching_kernels(components) as watch,
        ):
            await components.engine.run(jpeg("cat"), {"features": FeaturesOptions()})
            before = list(watch.healths)
            manifest = components.catalog.get(MODEL)
            found = await watch.health(manifest)
            picture = Image.open(io.BytesIO(await watch.kernels_png(manifest, None)))
            errors: list[type[Exception]] = []
            for kind, work in (
                (LayerUnknown, watch.activations_png(manifest, "no such layer")),
                (KernelsUnavailable, watch.kernels_png(manifest, "conv_head")),
                (ModelMissing, watch.health(components.catalog.get("rfb-640"))),
            ):
                with pytest.raises(kind):
                    await work
                errors.append(kind)
            return before, found, picture.size, errors

    before, found, size, errors = asyncio.run(run())

    assert (before, found.traffic, len(found.layers), len(errors)) == ([], 0, 49, 3)
    assert size == (8 * 48 + 6, 4 * 48 + 6)
