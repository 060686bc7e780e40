"""Runs of golden sets through an engine: what is right, what flips, who hears of it."""

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
from pipelines.image.decode import Limits, Picture
from pipelines.run_context import RunContext
from pipelines.types import Features, ModelUsed, Tag
from service.monitoring.canaries.builtin_set import DRAWN
from service.monitoring.canaries.expected import DocumentExpected, Expected, FacesExpected, FeaturesExpected
from service.monitoring.canaries.golden_set import Case, GoldenSet
from service.monitoring.canaries.metrics import CanaryMetrics
from service.monitoring.canaries.result_store import Memory
from service.monitoring.canaries.results import CanaryAnswer, CanaryResult
from service.monitoring.canaries.runner import Canaries
from service.monitoring.canaries.schedule import Schedule
from service.monitoring.errors import GoldenSetUnknown
from tests.pipelines.fakes import FEATURES, USED, FakePipeline, NoOptions

CLOCK = Case("clock.png", DRAWN["clock"][0], Expected(features=FeaturesExpected(top=("clock", "watch"))))
HANDS = Case("hands.png", DRAWN["clock"][0], Expected(features=FeaturesExpected(top=("clock",))))
SET = GoldenSet("clocks", (CLOCK, HANDS))


@dataclass
class Tagger:
    """Answers with one tag, or raises."""

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

    def brief(self, result: Features) -> str:
        return ""


@pytest.fixture
def pool() -> Iterator[CpuPool]:
    pool = CpuPool(threads=1)
    yield pool
    pool.close()


@dataclass
class Bench:
    """Canaries of `SET` over a tagger whose answer can change between runs."""

    pool: CpuPool
    folder: Path
    tagger: Tagger = field(default_factory=Tagger)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.engine = Engine([self.tagger], pool=self.pool, limits=Limits())
        self.canaries = self.restarted(CanaryMetrics(self.registry))

    def restarted(self, metrics: CanaryMetrics | None = None) -> Canaries:
        heard = metrics.heard if metrics else lambda result: None
        return Canaries(self.engine, [SET], Memory(self.folder), seconds=60, heard=heard)

    def run(self, label: str = "clock", canaries: Canaries | None = None) -> CanaryResult:
        self.tagger.label = label
        [result] = asyncio.run((canaries or self.canaries).run())
        return result


@pytest.fixture
def bench(pool: CpuPool, tmp_path: Path) -> Bench:
    return Bench(pool, tmp_path / "answers")


def flips(result: CanaryResult) -> list[tuple[str, str | None]]:
    return [(one.image, one.before) for one in result.answers if one.flipped]


def test_answers_are_held_to_what_is_expected(bench: Bench) -> None:
    result = bench.run("watch")

    assert (result.accuracy, result.passed, result.models) == ({"features": 0.5}, False, [USED])
    assert result.answers == [
        CanaryAnswer(image="clock.png", pipeline="features", right=True, answer="watch"),
        CanaryAnswer(
            image="hands.png", pipeline="features", right=False, answer="watch",
            wrong=["the best tag is watch, not clock"],
        ),
    ]  # fmt: skip


def test_answers_that_stay_do_not_flip_and_those_that_change_do_even_where_they_are_right(bench: Bench) -> None:
    first, same, other, back = (bench.run(label) for label in ("clock", "clock", "watch", "clock"))

    changed = [("clock.png", "clock"), ("hands.png", "clock")]
    assert [flips(one) for one in (first, same, other)] == [[], [], changed]
    assert (back.flips, back.passed) == (2, True)


def test_a_flip_is_seen_across_a_restart(bench: Bench) -> None:
    bench.run("clock")

    assert flips(bench.run("watch", bench.restarted())) == [("clock.png", "clock"), ("hands.png", "clock")]


def test_a_damaged_memory_is_none(bench: Bench) -> None:
    bench.run("clock")
    (bench.folder / "clocks.json").write_text("{")

    assert bench.run("watch", bench.restarted()).flips == 0


def test_what_a_busy_service_has_no_time_for_is_not_judged_and_no_flip(bench: Bench) -> None:
    bench.run("clock")
    bench.tagger.error = Overloaded("this", 1)
    busy = bench.run()
    bench.tagger.error = None

    assert (busy.accuracy, busy.passed, busy.flips, bench.run("clock").flips) == ({}, True, 0, 0)


def test_a_model_that_fails_answers_wrong(bench: Bench) -> None:
    bench.run("clock")
    bench.tagger.error = KernelSightError("broken")

    assert (bench.run().accuracy, bench.run().answers[0].wrong) == ({"features": 0.0}, ["broken"])


def test_where_one_pipeline_fails_the_others_are_judged_and_those_that_are_not_served_are_not_asked(
    bench: Bench,
) -> None:
    async def fails(picture: Picture) -> None:
        raise KernelSightError("broken")

    engine = Engine([bench.tagger, FakePipeline("faces", work=fails)], pool=bench.pool, limits=Limits())
    all_three = Expected(
        features=FeaturesExpected(top=("clock",)),
        faces=FacesExpected(count=0),
        document=DocumentExpected(contains=("12",)),
    )
    case = Case("clock.png", DRAWN["clock"][0], all_three)
    canaries = Canaries(engine, [GoldenSet("all", (case,))], Memory(bench.folder), seconds=60)

    assert bench.run("clock", canaries).accuracy == {"features": 1.0, "faces": 0.0}


def test_canaries_wait_behind_people_and_no_observer_of_traffic_hears_of_them(bench: Bench) -> None:
    seen: list[Observation] = []
    bench.engine.add_observer(seen.append)
    bench.run()

    assert ([context.priority for context in bench.tagger.calls], seen) == (["batch", "batch"], [])


def test_gauges_show_the_last_run(bench: Bench) -> None:
    bench.run("clock")
    result = bench.run("watch")

    def value(name: str, **labels: str) -> float | None:
        return bench.registry.get_sample_value(f"kernelsight_canary_{name}", {"set": "clocks"} | labels)

    assert value("accuracy", pipeline="features") == 0.5
    assert [value(name) for name in ("flips", "last_run_seconds", "run_seconds")] == [2, result.ran_at, result.seconds]


def test_a_set_that_is_not_there_is_named_with_those_that_are(bench: Bench) -> None:
    with pytest.raises(GoldenSetUnknown, match="'nope'; there are: clocks"):
        asyncio.run(bench.canaries.run("nope"))


@pytest.mark.parametrize(("every_seconds", "runs"), [(3600, 2), (0, 1)])
def test_canaries_run_at_start_unless_switched_off_and_whenever_they_are_asked_to(
    bench: Bench, every_seconds: float, runs: int
) -> None:
    async def scenario() -> None:
        async with Schedule(bench.canaries, every_seconds).open() as schedule:
            for expected in range(2, runs * 2 + 1, 2):
                if expected == runs * 2:
                    schedule.run_now()
                while len(bench.tagger.calls) < expected:
                    await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(scenario(), 60))

    assert len(bench.tagger.calls) == runs * 2
