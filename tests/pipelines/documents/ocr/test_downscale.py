"""Wide lines are read squeezed, and again at full width if they are doubtful."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from models.arrays import Array
from models.inference import Inference
from models.priority import Priority
from models.registry import Catalog
from pipelines.cpu_pool import CpuPool
from pipelines.documents.ocr.ctc import Character
from pipelines.documents.ocr.db_postprocess import TextQuads
from pipelines.documents.ocr.downscale import MIN_SQUEEZED_WIDTH, SQUEEZE_FACTOR, is_doubtful, squeeze_wide_crops
from pipelines.documents.ocr.recogniser import TextRecogniser
from pipelines.documents.stages import Pixels
from pipelines.run_context import RunContext


@dataclass
class FakeRecogniser:
    """Reads an "a" in everything, with a high score at `sure_width` columns and more."""

    sure_width: int
    widths: list[int] = field(default_factory=list)

    async def infer_many(
        self,
        model: str,
        inputs: Mapping[str, Array],
        *,
        priority: Priority = "interactive",
        deadline: float | None = None,
    ) -> Inference:
        (crops,) = inputs.values()
        self.widths.append(crops.shape[-1])
        score = 0.99 if crops.shape[-1] >= self.sure_width else 0.9
        steps = np.tile(np.array([1 - score, score], np.float32), (len(crops), 10, 1))
        return Inference({"fetch_name_0": steps}, 0.0, 0.0, len(crops))


@pytest.mark.parametrize(
    ("sure_width", "widths", "score"), [(300, [352], 0.99), (480, [352, 480], 0.99), (999, [352, 480], 0.9)]
)
def test_a_wide_line_is_read_at_full_width_only_if_doubtful(sure_width: int, widths: list[int], score: float) -> None:
    net, pool = FakeRecogniser(sure_width), CpuPool()
    recogniser = TextRecogniser(Catalog.load().get("ppocr-v6-rec-small"), ("", "a"), net.infer_many, pool)
    line = TextQuads(np.array([[[0, 0], [480, 0], [480, 48], [0, 48]]], np.float32), np.ones(1, np.float32))
    lines = asyncio.run(recogniser.read_lines(draw_ink(236, 260), line, RunContext()))
    pool.close()

    assert net.widths == widths
    assert [one.score for one in lines] == [score]


def draw_ink(*columns: int) -> Pixels:
    """A line of 480 columns with ink from the first to the second of these, from the third to the fourth, and so on."""
    crop = np.full((48, 480, 3), 255, np.uint8)
    for first, last in zip(columns[::2], columns[1::2], strict=True):
        crop[10:40, first:last] = 0
    return crop


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ((90, 110, 370, 390), False),
        ((70, 80, 90, 110, 370, 390), True),
        ((90, 110, 370, 390, 400, 420), True),
        ((), False),
    ],
    ids=["as read", "a mark before", "a mark after", "no ink"],
)
def test_a_line_with_unread_ink_is_doubtful(columns: tuple[int, ...], expected: bool) -> None:
    characters = [Character("a", place / 480, 0.99, 0.0) for place in (100, 380)]

    assert is_doubtful(draw_ink(*columns), characters) is expected


@pytest.mark.parametrize(
    ("width", "squeezed_width"),
    [
        (40, 40),
        (MIN_SQUEEZED_WIDTH - 1, MIN_SQUEEZED_WIDTH - 1),
        (MIN_SQUEEZED_WIDTH, round(MIN_SQUEEZED_WIDTH * SQUEEZE_FACTOR)),
        (1000, 700),
    ],
)
def test_only_wide_lines_are_squeezed(width: int, squeezed_width: int) -> None:
    (crop,) = squeeze_wide_crops([np.zeros((48, width, 3), np.uint8)])

    assert crop.shape == (48, squeezed_width, 3)
