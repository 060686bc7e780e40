"""Golden sets run through an engine: right answers, flips, and the metrics of the last run."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from models.errors import KernelSightError, Overloaded
from pipelines.cpu_pool import CpuPool
from pipelines.engine import Engine
from pipelines.findings import Observation
from pipelines.image.decode import ImageLimits, Picture
from pipelines.prompt import PromptContext
from pipelines.run_context import RunContext
from pipelines.types import Features, ModelUsed, Tag
from service.monitoring.canaries.builtin_set import BUILTIN_IMAGES
from service.monitoring.canaries.expected import (
    DocumentExpectation,
    FacesExpectation,
    FeaturesExpectation,
    ImageExpectations,
)
from service.monitoring.canaries.golden_set import GoldenImage, GoldenSet
from service.monitoring.canaries.metrics import CanaryMetrics
from service.monitoring.canaries.result_store import CanaryResultStore
from service.monitoring.canaries.results import CanaryAnswer, CanaryResult
from service.monitoring.canaries.runner import CanaryRunner
from service.monitoring.canaries.schedule import CanarySchedule
from service.monitoring.errors import GoldenSetUnknown
from tests.pipelines.fakes import FEATURES, USED, FakePipeline, NoOptions

CLOCK = GoldenImage(
    "clock.png", BUILTIN_IMAGES["clock"][0], ImageExpectations(features=FeaturesExpectation(top=("clock", "watch")))
)
HANDS = GoldenImage(
    "hands.png", BUILTIN_IMAGES["clock"][0], ImageExpectations(features=FeaturesExpectation(top=("clock",)))
)
SET = GoldenSet("clocks", (CLOCK, HANDS))


@dataclass
class Tagger:
    """A pipeline that answers with one tag, or raises."""

    label: str = "clock"
    error: KernelSightError | None = None
    name: str = "features"
    calls: list[RunContext] = field(default_factory=list)

    def models(self, options: NoOptions) -> list[ModelUsed]:
        return [USED]

    def shorter_side(self, options: NoOptions) -> int | None:
        return None

    async def run(self, picture: Picture, options: NoOptions, context: RunContext) -> Features:
        self.calls.append(context)
        if self.error:
            raise self.error
        tag = Tag(index=0, wnid="n00000000", label=self.label, score=0.9, group="household")
        return FEATURES.model_copy(update={"tags": [tag]})

    def describe(self, result: Features, context: PromptContext) -> str:
        return ""


@pytest.fixture
def pool() -> Iterator[CpuPool]:
    pool = CpuPool(threads=1)
    yield pool
    pool.close()


@dataclass
class Bench:
    """A canary runner of `SET` over a tagger whose answer can change between runs."""

    pool: CpuPool
    folder: Path
    tagger: Tagger = field(default_factory=Tagger)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.engine = Engine([self.tagger], pool=self.pool, limits=ImageLimits())
        self.runner = self.restart(CanaryMetrics(self.registry))

    def restart(self, metrics: CanaryMetrics | None = None) -> CanaryRunner:
        on_result = metrics.record if metrics else lambda result: None
        return CanaryRunner(self.engine, [SET], CanaryResultStore(self.folder), seconds=60, on_result=on_result)

    def run(self, label: str = "clock", runner: CanaryRunner | None = None) -> CanaryResult:
        self.tagger.label = label
        [result] = asyncio.run((runner or self.runner).run())
        return result


@pytest.fixture
def bench(pool: CpuPool, tmp_path: Path) -> Bench:
    return Bench(pool, tmp_path / "answers")


def flipped_images(result: CanaryResult) -> list[tuple[str, str | None]]:
    return [(one.image, one.before) for one in result.answers if one.flipped]


def test_answers_are_checked_against_expectations(bench: Bench) -> None:
    result = bench.run("watch")

    assert result.accuracy == {"features": 0.5}
    assert not result.passed
    assert result.models == [USED]
    assert result.answers == [
        CanaryAnswer(image="clock.png", pipeline="features", right=True, answer="watch"),
        CanaryAnswer(
            image="hands.png", pipeline="features", right=False, answer="watch",
            wrong=["the best tag is watch, not clock"],
        ),
    ]  # fmt: skip


def test_changed_answers_flip_even_when_they_become_right(bench: Bench) -> None:
    first, same, other, back = (bench.run(label) for label in ("clock", "clock", "watch", "clock"))

    changed = [("clock.png", "clock"), ("hands.png", "clock")]
    assert [flipped_images(one) for one in (first, same, other)] == [[], [], changed]
    assert back.flips == 2
    assert back.passed


def test_a_flip_is_found_across_a_restart(bench: Bench) -> None:
    bench.run("clock")

    assert flipped_images(bench.run("watch", bench.restart())) == [("clock.png", "clock"), ("hands.png", "clock")]


def test_a_damaged_stored_result_is_ignored(bench: Bench) -> None:
    bench.run("clock")
    (bench.folder / "clocks.json").write_text("{")

    assert bench.run("watch", bench.restart()).flips == 0


def test_an_image_that_a_busy_service_skips_is_not_judged(bench: Bench) -> None:
    bench.run("clock")
    bench.tagger.error = Overloaded("this", 1)
    busy = bench.run()
    bench.tagger.error = None

    assert busy.accuracy == {}
    assert busy.passed
    assert busy.flips == 0
    assert bench.run("clock").flips == 0


def test_a_failing_model_is_a_wrong_answer(bench: Bench) -> None:
    bench.run("clock")
    bench.tagger.error = KernelSightError("broken")

    assert bench.run().accuracy == {"features": 0.0}
    assert bench.run().answers[0].wrong == ["broken"]


def test_one_failing_pipeline_does_not_spoil_the_others(
    bench: Bench,
) -> None:
    async def fail(picture: Picture) -> None:
        raise KernelSightError("broken")

    engine = Engine([bench.tagger, FakePipeline("faces", work=fail)], pool=bench.pool, limits=ImageLimits())
    expected = ImageExpectations(
        features=FeaturesExpectation(top=("clock",)),
        faces=FacesExpectation(count=0),
        document=DocumentExpectation(contains=("12",)),
    )
    image = GoldenImage("clock.png", BUILTIN_IMAGES["clock"][0], expected)
    runner = CanaryRunner(engine, [GoldenSet("all", (image,))], CanaryResultStore(bench.folder), seconds=60)

    assert bench.run("clock", runner).accuracy == {"features": 1.0, "faces": 0.0}


def test_canaries_run_at_batch_priority_and_unobserved(bench: Bench) -> None:
    observations: list[Observation] = []
    bench.engine.add_observer(observations.append)
    bench.run()

    assert [context.priority for context in bench.tagger.calls] == ["batch", "batch"]
    assert observations == []


def test_gauges_show_the_last_run(bench: Bench) -> None:
    bench.run("clock")
    result = bench.run("watch")

    def value(name: str, **labels: str) -> float | None:
        return bench.registry.get_sample_value(f"kernelsight_canary_{name}", {"set": "clocks"} | labels)

    assert value("accuracy", pipeline="features") == 0.5
    assert value("flips") == 2
    assert value("last_run_seconds") == result.ran_at
    assert value("run_seconds") == result.seconds


def test_an_unknown_set_is_an_error_that_names_the_known_ones(bench: Bench) -> None:
    with pytest.raises(GoldenSetUnknown, match="'nope'; there are: clocks"):
        asyncio.run(bench.runner.run("nope"))


@pytest.mark.parametrize(("every_seconds", "runs"), [(3600, 2), (0, 1)])
def test_canaries_run_at_start_unless_disabled_and_on_request(bench: Bench, every_seconds: float, runs: int) -> None:
    async def scenario() -> None:
        async with CanarySchedule(bench.runner, every_seconds).open() as schedule:
            for expected in range(2, runs * 2 + 1, 2):
                if expected == runs * 2:
                    schedule.request_run()
                while len(bench.tagger.calls) < expected:
                    await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(scenario(), 60))

    assert len(bench.tagger.calls) == runs * 2
