"""Where the time of an image went, by pipeline and stage."""

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
from service.telemetry.metrics.stages import STAGES
from tests.conftest import Jpeg
from tests.pipelines.fakes import FakePipeline, NoOptions
from tests.service.telemetry.metrics.reading import Labels, series, value


@pytest.fixture
def pool() -> Iterator[CpuPool]:
    pool = CpuPool(threads=1)
    yield pool
    pool.close()


def observed(metrics: Metrics) -> list[tuple[Labels, float]]:
    return series(metrics.registry, "stage_seconds_count")


def test_a_request_counts_once_in_each_of_its_stages_while_it_is_watched(pool: CpuPool, jpeg: Jpeg) -> None:
    metrics, engine = Metrics(), Engine([FakePipeline()], pool=pool, limits=ImageLimits())

    async def scenario() -> None:
        await engine.run(jpeg("cat"), {"features": NoOptions()})
        async with metrics.measure(engine):
            await engine.run(jpeg("cat"), {"features": NoOptions()})

    asyncio.run(scenario())

    assert observed(metrics) == [
        ({"pipeline": "all", "stage": "decode"}, 1),
        ({"pipeline": "features", "stage": "other"}, 1),  # a fake's stage has a name of its own
        ({"pipeline": "all", "stage": "total"}, 1),
    ]


def test_what_fails_is_in_no_stage(pool: CpuPool) -> None:
    metrics, engine = Metrics(), Engine([FakePipeline()], pool=pool, limits=ImageLimits())

    async def scenario() -> None:
        async with metrics.measure(engine):
            await asyncio.gather(engine.run(b"no image", {"features": NoOptions()}), return_exceptions=True)

    asyncio.run(scenario())

    assert observed(metrics) == []


def test_the_event_loop_is_measured_meanwhile(pool: CpuPool) -> None:
    metrics = Metrics()

    async def scenario() -> None:
        async with metrics.loop.measure_lag(0.001):
            while not value(metrics.registry, "event_loop_lag_seconds_count"):
                await asyncio.sleep(0.001)

    asyncio.run(asyncio.wait_for(scenario(), 60))

    assert value(metrics.registry, "event_loop_lag_seconds_bucket", le="+Inf")


def test_every_stage_that_a_pipeline_names_is_known() -> None:
    folder = Path(pipelines.__file__).parent
    calls = re.compile(r'context\.(?:stage|add_stage)\("([a-z_.]+)"|(?:wait|session)="([a-z_.]+)"')
    named = {one or other for one, other in calls.findall(source_of(folder.rglob("*.py")))}
    signals = set(re.findall(r'    name: ClassVar\[str\] = "([a-z_]+)"', source_of(folder.glob("moderation/signals/*.py"))))

    assert len(named) > 15
    assert len(signals) > 5
    assert (named | signals) - STAGES == set()


def source_of(paths: Iterable[Path]) -> str:
    return "\n".join(path.read_text("utf-8") for path in paths)
