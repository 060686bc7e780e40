"""Time of requests by pipeline and stage."""

import asyncio
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import pipelines
from pipelines.cpu_pool import CpuPool
from pipelines.engine import Engine
from pipelines.image.decode import ImageLimits
from service.telemetry.metrics import Metrics
from service.telemetry.metrics.requests import STAGES
from tests.conftest import Jpeg
from tests.pipelines.fakes import FakePipeline, NoOptions
from tests.service.telemetry.metrics.reading import Labels, series, value


@pytest.fixture
def pool() -> Iterator[CpuPool]:
    pool = CpuPool(threads=1)
    yield pool
    pool.close()


def stage_counts(metrics: Metrics) -> list[tuple[Labels, float]]:
    return series(metrics.registry, "stage_seconds_count")


def test_an_observed_request_counts_once_in_each_of_its_stages(pool: CpuPool, jpeg: Jpeg) -> None:
    metrics, engine = Metrics(), Engine([FakePipeline()], pool=pool, limits=ImageLimits())

    async def scenario() -> None:
        await engine.run(jpeg("cat"), {"features": NoOptions()})
        async with metrics.measure(engine):
            await engine.run(jpeg("cat"), {"features": NoOptions()})

    asyncio.run(scenario())

    assert stage_counts(metrics) == [
        ({"pipeline": "all", "stage": "decode"}, 1),
        ({"pipeline": "features", "stage": "other"}, 1),  # a fake's stage has a name of its own
        ({"pipeline": "all", "stage": "total"}, 1),
    ]


def test_a_failed_request_counts_in_no_stage(pool: CpuPool) -> None:
    metrics, engine = Metrics(), Engine([FakePipeline()], pool=pool, limits=ImageLimits())

    async def scenario() -> None:
        async with metrics.measure(engine):
            await asyncio.gather(engine.run(b"no image", {"features": NoOptions()}), return_exceptions=True)

    asyncio.run(scenario())

    assert stage_counts(metrics) == []


def test_the_lag_of_the_event_loop_is_measured(pool: CpuPool) -> None:
    metrics = Metrics()

    async def scenario() -> None:
        async with metrics.loop.measure_lag(0.001):
            while not value(metrics.registry, "event_loop_lag_seconds_count"):
                await asyncio.sleep(0.001)

    asyncio.run(asyncio.wait_for(scenario(), 60))

    assert value(metrics.registry, "event_loop_lag_seconds_bucket", le="+Inf")


def test_every_stage_that_a_pipeline_names_is_a_label() -> None:
    folder = Path(pipelines.__file__).parent
    calls = re.compile(r'context\.(?:stage|add_stage)\("([a-z_.]+)"|(?:wait|session)="([a-z_.]+)"')
    named = {one or other for one, other in calls.findall(read_sources(folder.rglob("*.py")))}
    signals = set(
        re.findall(r'    name: ClassVar\[str\] = "([a-z_]+)"', read_sources(folder.glob("moderation/signals/*.py")))
    )

    assert len(named) > 15
    assert len(signals) > 5
    assert (named | signals) - STAGES == set()


def read_sources(paths: Iterable[Path]) -> str:
    return "\n".join(path.read_text("utf-8") for path in paths)
