"""Pictures are laid on each model's canvas, and what the models find is in the picture's own coordinates."""

import asyncio
from collections.abc import Mapping

import numpy as np
import pytest
from PIL import Image

from models.arrays import Array
from models.inference import Inference
from models.registry import Catalog
from pipelines.cpu_pool import CpuPool
from pipelines.objects.detector import PADDING, DetectorView, ObjectDetector, plan_views
from pipelines.run_context import RunContext
from tests.pipelines.fakes import Answers, Asked

CATALOG = Catalog.load()
YOLOX, PICODET = CATALOG.get("yolox-nano"), CATALOG.get("picodet-s")
VIEWS = plan_views([YOLOX, PICODET])


class RedFinder(Answers):
    """A detector that finds the red rectangle on a canvas, as a person."""

    def __init__(self) -> None:
        self.canvases: list[Array] = []

    async def answer(self, asked: Asked) -> Inference:
        [canvas] = asked.inputs.values()
        self.canvases.append(canvas)
        rows, columns = np.nonzero((canvas[..., 0] > 200) & (canvas[..., 1] < 60))
        height, width = canvas.shape[:2]
        box = [columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height]
        scores = np.zeros((1, 80), np.float32)
        scores[0, 0] = 0.8
        outputs: Mapping[str, Array] = {"boxes": np.array([box], np.float32), "scores": scores}
        return Inference(outputs, wait_seconds=0.0, run_seconds=0.1, batch_size=1, model_info=None)


def test_each_model_has_the_same_weight() -> None:
    assert [(view.manifest.id, view.longer_side, view.weight) for view in VIEWS] == [
        ("yolox-nano", 352, 0.25), ("yolox-nano", 544, 0.25), ("picodet-s", None, 0.5),
    ]  # fmt: skip


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: f"{view.manifest.id} {view.longer_side}")
@pytest.mark.parametrize(
    "size", [(1, 1), (640, 480), (480, 640), (3, 2000), (2000, 3), (7000, 7001), (544, 544)], ids=str
)
def test_pictures_of_every_shape_fit_a_canvas(view: DetectorView, size: tuple[int, int]) -> None:
    part, (height, width) = view.place(*size)

    assert (height, width) in view.manifest.input.sizes
    assert 1 <= part.width <= width
    assert 1 <= part.height <= height


@pytest.mark.parametrize("size", [(640, 480), (300, 900), (64, 64)], ids=str)
def test_boxes_are_shares_of_the_picture(size: tuple[int, int]) -> None:
    picture = Image.new("RGB", size, "blue")
    picture.paste("red", (size[0] // 4, size[1] // 4, size[0] // 2, 3 * size[1] // 4))
    pool = CpuPool(threads=1)

    detector = ObjectDetector("tiny", VIEWS, [], RedFinder(), pool)
    found = asyncio.run(detector.detect(picture, RunContext()))

    pool.close()
    assert found.boxes == pytest.approx(np.array([[0.25, 0.25, 0.5, 0.75]]), abs=0.02)
    assert found.scores == pytest.approx([0.8])


def test_what_the_picture_leaves_is_grey() -> None:
    finder, pool = RedFinder(), CpuPool(threads=1)

    asyncio.run(
        ObjectDetector("tiny", VIEWS[:1], [], finder, pool).detect(Image.new("RGB", (100, 90), "red"), RunContext())
    )

    pool.close()
    [canvas] = finder.canvases
    assert canvas.shape == (320, 352, 3)
    assert (canvas[317:] == PADDING).all()
    assert (canvas[:317] == (255, 0, 0)).all()
