"""Objects in a picture are listed in its pixels, with their place and size, and counted where they are certain."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageColor
from pydantic import ValidationError

from models.labels import load_label_set
from models.runtime.runtime import Runtime
from pipelines.cpu_pool import CpuPool
from pipelines.engine import Engine
from pipelines.errors import PipelineUnavailable, RequestRejected
from pipelines.image.decode import ImageLimits, decode
from pipelines.objects.calibration import CALIBRATION
from pipelines.objects.detector import ObjectDetector, plan_views
from pipelines.objects.options import ObjectsOptions
from pipelines.objects.overlay import LISTED, STATED, draw_objects
from pipelines.objects.pipeline import ObjectsPipeline
from pipelines.objects.spec import OBJECTS
from pipelines.objects.types import Objects
from pipelines.types import KindName
from tests.models.tiny_graphs import fill_store
from tests.pipelines.fakes import make_context_of_kind
from tests.pipelines.images import encode
from tests.tiny_detectors import LEFT, make_detector_manifest, write_detector


@asynccontextmanager
async def open_engine(folder: Path) -> AsyncIterator[Engine]:
    manifest = make_detector_manifest(write_detector(folder / "tiny.onnx"))
    runtime, pool = Runtime(fill_store(folder / "store", manifest), device="cpu"), CpuPool(threads=1)
    await runtime.open(manifest)
    detector = ObjectDetector("tiny", plan_views([manifest]), [], runtime.infer, pool)
    pipeline = ObjectsPipeline(detector, load_label_set("coco"), CALIBRATION, pool, precision=0.9)
    try:
        yield Engine([pipeline], pool=pool, limits=ImageLimits())
    finally:
        await runtime.close(grace_seconds=1)
        pool.close()


def find(
    folder: Path, *, colour: str = "white", size: tuple[int, int] = (400, 200), **options: Any
) -> tuple[Objects, str]:
    """The result for a plain picture, and the prompt."""

    async def scenario() -> tuple[Objects, str]:
        stream = io.BytesIO()
        Image.new("RGB", size, colour).save(stream, "PNG")
        async with open_engine(folder) as engine:
            findings = await engine.run(stream.getvalue(), {"objects": ObjectsOptions(**options)})
        return findings.of(OBJECTS), findings.prompt

    return asyncio.run(scenario())


def test_objects_are_in_the_pictures_pixels(tmp_path: Path) -> None:
    first = find(tmp_path)[0].objects[0]

    assert first.label == "person"
    assert first.box == pytest.approx((0.05 * 400, 0.2 * 200, 0.3 * 400, 0.9 * 200), abs=0.01)


def test_an_object_has_its_place_and_size(tmp_path: Path) -> None:
    objects = find(tmp_path, min_score=0.1)[0].objects

    assert [(one.label, one.position) for one in objects] == [
        ("person", "left"), ("person", "right"), ("chair", "bottom"),
    ]  # fmt: skip
    assert objects[0].size == pytest.approx(0.25 * 0.7)


def test_scores_are_calibrated_and_sorted(tmp_path: Path) -> None:
    scores = [one.score for one in find(tmp_path, min_score=0.1)[0].objects]

    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0.9
    assert 0.2 < scores[2] < 0.5


def test_only_certain_labels_are_counted(tmp_path: Path) -> None:
    assert find(tmp_path, min_score=0.1)[0].counts == {"person": 2}


@pytest.mark.parametrize(
    ("kind", "counts"), [("photo", {"person": 2}), ("blank", {"person": 2}), ("screenshot", {}), ("document", {})]
)
def test_nothing_is_stated_of_pages_and_screens(tmp_path: Path, kind: KindName, counts: dict[str, int]) -> None:
    async def scenario() -> Objects:
        picture = decode(encode(Image.new("RGB", (400, 200), "white"), "PNG"), limits=ImageLimits())
        context = await make_context_of_kind(kind)
        async with open_engine(tmp_path) as engine:
            found: Objects = await engine.pipeline("objects").run(picture, ObjectsOptions(), context)
        return found

    found = asyncio.run(scenario())

    assert found.counts == counts
    assert {one.label for one in found.statements} == set(counts)
    assert found.objects


def test_counts_do_not_depend_on_the_list(tmp_path: Path) -> None:
    found, _ = find(tmp_path, min_score=1.0, max=1)

    assert (found.objects, found.counts) == ([], {"person": 2})


def test_the_list_ends_at_its_maximum(tmp_path: Path) -> None:
    [only] = find(tmp_path, max=1)[0].objects

    assert only.box[0] == pytest.approx(LEFT[0] * 400)


@pytest.mark.parametrize("labels", ["chair,dog", ["chair", "dog"], ["chair,dog"], ("chair ", " dog")], ids=str)
def test_labels_can_be_chosen(tmp_path: Path, labels: Any) -> None:
    found, _ = find(tmp_path, min_score=0.0, labels=labels)

    assert {one.label for one in found.objects} == {"chair", "dog"}
    assert found.counts == {}


def test_a_request_may_name_another_precision_than_the_service(tmp_path: Path) -> None:
    by_default, named = find(tmp_path)[0], find(tmp_path, precision=0.99)[0]

    assert (by_default.precision, named.precision) == (0.9, 0.99)
    assert [(one.count, one.is_exact) for one in by_default.statements] == [(2, True)]
    assert [(one.count, one.is_exact) for one in named.statements] == [(1, False)]


def test_a_higher_precision_states_fewer_labels(tmp_path: Path) -> None:
    counts = [find(tmp_path, colour="rgb(100, 100, 100)", precision=precision)[0].counts for precision in (0.9, 0.99)]

    assert counts == [{"person": 1}, {}]


def test_a_statement_says_how_certain_it_is(tmp_path: Path) -> None:
    [people] = find(tmp_path)[0].statements

    assert 0.9 < people.certainty <= 1
    assert people.size == pytest.approx(0.25 * 0.7, abs=1e-4)


def test_an_unknown_label_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestRejected, match="labels: no 'unicorn' here; there are: person, bicycle"):
        find(tmp_path, labels="dog,unicorn")


@pytest.mark.parametrize(
    "options", [{"min_score": 1.1}, {"max": 0}, {"precision": 0.5}, {"labels": 3}, {"best": 1}], ids=str
)
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ObjectsOptions(**options)


def test_the_prompt_says_how_many_and_where(tmp_path: Path) -> None:
    assert find(tmp_path)[1].splitlines()[1] == "In the picture: 2 people (left, right)."


def test_of_a_picture_without_objects_nothing_is_said(tmp_path: Path) -> None:
    found, prompt = find(tmp_path, colour="black")

    assert (found.objects, found.counts) == ([], {})
    assert "In the picture" not in prompt


def test_stated_objects_are_drawn_green_and_others_grey(tmp_path: Path) -> None:
    found, _ = find(tmp_path, min_score=0.1)
    drawn = draw_objects(Image.new("RGB", (400, 200), "white"), found)

    colours = [drawn.getpixel((int(one.box[0]), int(one.box[3]) - 5)) for one in found.objects]
    assert colours == [ImageColor.getrgb(one) for one in (STATED, STATED, LISTED)]


def test_an_absent_pipeline_says_why() -> None:
    pool = CpuPool(threads=1)
    engine = Engine([], pool=pool, limits=ImageLimits(), absent={"objects": "its files are not in the store"})

    pool.close()
    with pytest.raises(PipelineUnavailable, match="objects is not available here: its files are not in the store"):
        engine.pipeline("objects")


def test_measurements_are_the_stated_number_and_the_scores(tmp_path: Path) -> None:
    found, _ = find(tmp_path)
    assert OBJECTS.measure is not None
    [measured] = OBJECTS.measure(found)

    assert measured.counts == {"objects": 2}
    assert measured.scores == [("object", one.score) for one in found.objects]
    assert {signal.name: value for signal, value in measured.values} == {
        "objects": 2,
        "object": found.objects[0].score,
    }


def test_the_audit_summary_has_no_boxes(tmp_path: Path) -> None:
    found, _ = find(tmp_path)
    assert OBJECTS.summarise is not None

    assert OBJECTS.summarise(found)() == {
        "counts": {"person": 2}, "listed": 3, "best_score": found.objects[0].score, "detector": "tiny",
    }  # fmt: skip
