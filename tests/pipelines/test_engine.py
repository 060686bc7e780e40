"""The engine decodes once for all pipelines and runs them concurrently, under one deadline."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

import pytest
from PIL import Image
from pydantic import BaseModel

from models.errors import DeadlineExceeded, InferenceFailed
from models.labels import load_label_set
from models.registry import Catalog
from models.runtime.model_info import ModelInfo
from pipelines.captioning.encoder import ImageEncoder
from pipelines.captioning.options import FeaturesOptions
from pipelines.captioning.pipeline import CaptioningPipeline
from pipelines.cpu_pool import CpuPool
from pipelines.engine import Engine
from pipelines.errors import ImageUnsupported, RequestRejected, TooManyPixels
from pipelines.findings import Findings, Observation
from pipelines.image.decode import ImageLimits, Picture
from pipelines.prompt import PromptContext
from pipelines.types import ModelUsed
from tests.pipelines.fakes import FEATURES, PROMOTED, USED, FakeEncoder, FakePipeline, NoOptions
from tests.pipelines.images import animation, encode, exif, with_app1

JPEG = encode(Image.linear_gradient("L").convert("RGB").resize((1600, 1200)), "JPEG")
LONG_SECONDS = 60.0  # only ends a test that would otherwise hang

Run = Callable[..., Findings]


@pytest.fixture
def pool() -> Iterator[CpuPool]:
    pool = CpuPool(threads=2)
    yield pool
    pool.close()


@pytest.fixture
def run(pool: CpuPool) -> Run:
    """Run all of the given pipelines over an image, in an event loop of its own."""

    def run_all(
        *pipelines: FakePipeline, data: bytes = JPEG, limits: ImageLimits | None = None, **how: Any
    ) -> Findings:
        engine = Engine(pipelines, pool=pool, limits=limits or ImageLimits())
        tasks: Mapping[str, BaseModel] = {one.name: NoOptions() for one in pipelines}
        return asyncio.run(engine.run(data, tasks, **({"deadline": monotonic() + LONG_SECONDS} | how)))

    return run_all


def raising(error: Exception) -> Callable[[Picture], Awaitable[None]]:
    async def work(picture: Picture) -> None:
        raise error

    return work


class Enough(Exception):
    """Ends a run early."""


def test_every_pipeline_sees_the_same_decoded_picture(run: Run) -> None:
    one, other = FakePipeline(), FakePipeline("other", work=raising(Enough()))

    with pytest.raises(Enough):
        run(one, other)

    assert one.seen[0] is other.seen[0]


@pytest.mark.parametrize(
    ("sides", "size"),
    [
        ((150,), (200, 150)),
        ((150, 400), (800, 600)),  # the largest wins
        ((600, 150), (800, 600)),
        ((150, None), (1600, 1200)),  # None: all there is
        ((None, 150), (1600, 1200)),
        ((5000, 150), (1600, 1200)),
    ],
)
def test_the_picture_is_decoded_at_the_smallest_sufficient_scale(
    run: Run, sides: tuple[int | None, ...], size: tuple[int, int]
) -> None:
    pipelines = [FakePipeline(f"pipeline {number}", side) for number, side in enumerate(sides)]
    pipelines[-1].work = raising(Enough())

    with pytest.raises(Enough):
        run(*pipelines)

    assert {pipeline.seen[0].pixels.size for pipeline in pipelines} == {size}


def test_pipelines_run_concurrently(run: Run) -> None:
    here, there = asyncio.Event(), asyncio.Event()

    async def first(picture: Picture) -> None:
        here.set()
        await there.wait()
        raise Enough

    async def second(picture: Picture) -> None:
        there.set()
        await here.wait()

    with pytest.raises(Enough):  # one after the other, they would wait until the deadline
        run(FakePipeline("first", work=first), FakePipeline("second", work=second))


def test_results_are_keyed_by_pipeline_name(run: Run) -> None:
    findings = run(FakePipeline())

    assert findings.results == {"features": FEATURES}
    assert findings.models == [USED]


def test_without_pipelines_only_the_image_is_described(run: Run) -> None:
    findings = run()

    assert findings.results == {}
    assert findings.models == []
    assert findings.image.width == 1600


def test_image_facts_are_those_of_the_upright_original(run: Run) -> None:
    data = with_app1(JPEG, exif(6))

    image = run(FakePipeline(side=100), data=data).image

    assert image.width == 1200
    assert image.height == 1600
    assert image.orientation == "portrait"
    assert image.exif_orientation == 6
    assert image.format == "JPEG"
    assert image.mode == "RGB"
    assert image.frames == 1
    assert image.has_alpha is False
    assert image.bytes == len(data)
    assert image.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("size", "orientation"),
    [((100, 100), "square"), ((100, 96), "square"), ((100, 80), "landscape"), ((80, 100), "portrait")],
)
def test_an_almost_square_image_is_square(run: Run, size: tuple[int, int], orientation: str) -> None:
    assert run(data=encode(Image.new("RGB", size), "PNG")).image.orientation == orientation


def test_every_result_has_an_id_of_its_own(run: Run) -> None:
    ids = {run().result_id for _ in range(20)}

    assert len(ids) == 20
    assert all(one.startswith("res_") for one in ids)


def test_the_prompt_has_the_image_and_every_description(run: Run) -> None:
    prompt = run(FakePipeline()).prompt

    assert prompt.splitlines() == [
        "Image: 1600 x 1200 pixels.",
        "description of features",
        "in two lines",
    ]


def test_the_prompt_says_that_one_frame_was_used(run: Run) -> None:
    prompt = run(data=animation(3, "GIF")).prompt

    assert prompt == "Image: 24 x 16 pixels, first of 3 frames."


def test_timings_name_stages_with_their_pipelines(run: Run) -> None:
    timings = run(FakePipeline()).timings

    assert set(timings) == {"decode", "total", "features.pretend"}
    assert timings["total"] >= timings["decode"] >= 0


@pytest.mark.parametrize("priority", ["interactive", "batch"])
def test_priority_and_deadline_reach_the_pipeline(run: Run, priority: str) -> None:
    pipeline, deadline = FakePipeline(), monotonic() + LONG_SECONDS

    run(pipeline, priority=priority, deadline=deadline)

    assert pipeline.calls[0].priority == priority
    assert pipeline.calls[0].deadline == deadline


def test_an_unknown_pipeline_is_refused_with_the_known_ones(pool: CpuPool) -> None:
    engine = Engine([FakePipeline(), FakePipeline("faces")], pool=pool, limits=ImageLimits())

    with pytest.raises(RequestRejected, match="no pipeline 'face' here; there are: features, faces"):
        asyncio.run(engine.run(b"never decoded", {"face": NoOptions()}))


@dataclass
class PrecisionTeller(FakePipeline):
    def describe(self, result: BaseModel, context: PromptContext) -> str:
        return f"right in {context.precision:.0%}"


def test_statements_have_the_engines_precision(pool: CpuPool) -> None:
    engine = Engine([PrecisionTeller()], pool=pool, limits=ImageLimits(), precision=0.99)

    findings = asyncio.run(engine.run(JPEG, {"features": NoOptions()}))
    assert findings.prompt.splitlines()[-1] == "right in 99%"


def test_the_engine_names_its_pipelines(pool: CpuPool) -> None:
    engine = Engine([FakePipeline(), FakePipeline("faces")], pool=pool, limits=ImageLimits())

    assert engine.pipelines == ("features", "faces")


@pytest.mark.parametrize(("data", "error"), [(b"%PDF-", ImageUnsupported), (JPEG, TooManyPixels)])
def test_a_bad_image_reaches_no_pipeline(run: Run, data: bytes, error: type[Exception]) -> None:
    pipeline = FakePipeline()

    with pytest.raises(error):
        run(pipeline, data=data, limits=ImageLimits(pixels=1000))

    assert pipeline.seen == []


def test_errors_of_pipelines_propagate_unchanged(run: Run) -> None:
    with pytest.raises(InferenceFailed, match="out of luck"):
        run(FakePipeline(work=raising(InferenceFailed("out of luck"))))


def test_a_deadline_in_the_past_is_exceeded(run: Run) -> None:
    with pytest.raises(DeadlineExceeded):
        run(FakePipeline(), deadline=monotonic() - 1)


def test_a_pipeline_that_is_late_is_cancelled(run: Run) -> None:
    ended: list[str] = []

    with pytest.raises(DeadlineExceeded):
        run(FakePipeline(work=forever(ended)), data=encode(Image.new("RGB", (1, 1)), "PNG"), deadline=monotonic() + 1)

    assert ended == ["cancelled"]


def test_cancelling_a_run_cancels_its_pipelines(pool: CpuPool) -> None:
    ended: list[str] = []
    begun = asyncio.Event()
    pipelines = [FakePipeline(name, work=forever(ended, begun)) for name in ("one", "other")]
    engine = Engine(pipelines, pool=pool, limits=ImageLimits())

    async def scene() -> None:
        task = asyncio.create_task(engine.run(JPEG, {"one": NoOptions(), "other": NoOptions()}))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scene())

    assert ended == ["cancelled", "cancelled"]


def test_warm_up_runs_the_pipelines_once(pool: CpuPool) -> None:
    pipeline = FakePipeline()

    asyncio.run(Engine([pipeline], pool=pool, limits=ImageLimits()).warm({"features": NoOptions()}))

    assert len(pipeline.seen) == 1


def forever(ended: list[str], begun: asyncio.Event | None = None) -> Callable[[Picture], Awaitable[None]]:
    async def work(picture: Picture) -> None:
        if begun:
            begun.set()
        try:
            await asyncio.sleep(LONG_SECONDS)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    return work


def test_observers_get_every_answer_and_may_fail(pool: CpuPool) -> None:
    def fails(seen: Observation) -> None:
        raise Enough

    observations: list[Observation] = []
    engine = Engine([FakePipeline()], pool=pool, limits=ImageLimits())
    engine.add_observer(fails)
    engine.add_observer(observations.append)
    findings = asyncio.run(engine.run(JPEG, {"features": NoOptions()}, priority="batch"))

    [observation] = observations
    assert observation.findings is findings
    assert observation.priority == "batch"
    assert observation.encoded is None
    assert observation.picture.sha256 == findings.image.sha256
    assert {stage.name for stage in observation.stages} == set(findings.timings)


@pytest.mark.parametrize(("model_info", "version"), [(PROMOTED, 4), (None, 5)])
def test_findings_name_the_version_that_answered(pool: CpuPool, model_info: ModelInfo | None, version: int) -> None:
    def live(declared: ModelUsed) -> ModelUsed:
        return declared.model_copy(update={"version": 5})

    manifest, labels = Catalog.load().get("efficientnet-lite0"), load_label_set("imagenet-1k")
    captioning = CaptioningPipeline(
        ImageEncoder(manifest, USED, labels, FakeEncoder(model_info=model_info), pool), pool
    )
    engine = Engine([captioning], pool=pool, limits=ImageLimits(), current_version=live)

    findings = asyncio.run(engine.run(JPEG, {"features": FeaturesOptions()}))

    assert [used.version for used in findings.models] == [version]


def test_findings_name_undeclared_models_that_ran(run: Run) -> None:
    undeclared = ModelUsed(id="another", version=1, sha256="1" * 64)
    pipeline = FakePipeline(ran=[undeclared])

    assert run(pipeline).models == [USED, undeclared]


def test_observers_are_not_called_for_unobserved_runs(pool: CpuPool) -> None:
    observations: list[Observation] = []
    engine = Engine([FakePipeline()], pool=pool, limits=ImageLimits())
    engine.add_observer(observations.append)
    asyncio.run(engine.warm({"features": NoOptions()}))
    asyncio.run(engine.run(JPEG, {"features": NoOptions()}, observed=False))

    assert observations == []
