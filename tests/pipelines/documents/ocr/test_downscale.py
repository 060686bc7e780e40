"""Wide lines are read squeezed, and again as they are where the answer is doubtful."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from models.inference import Inference
from models.priority import Priority
from models.registry import Catalog
from models.runtime.session import Array
from pipelines.cpu_pool import CpuPool
from pipelines.documents.ocr.ctc import Character
from pipelines.documents.ocr.db_postprocess import Boxes
from pipelines.documents.ocr.downscale import PART, WIDE, doubtful, squeezed
from pipelines.documents.ocr.recogniser import Recogniser
from pipelines.documents.stages import Pixels
from pipelines.run_context import RunContext


@dataclass
class Shortsighted:
    """A recogniser that reads an "a" in everything, and is sure of it at `needs` columns and more."""

    needs: int
    asked: list[int] = field(default_factory=list)

    async def infer_many(
        self,
        model: str,
        inputs: Mapping[str, Array],
        *,
        priority: Priority = "interactive",
        deadline: float | None = None,
    ) -> Inference:
        (crops,) = inputs.values()
        self.asked.append(crops.shape[-1])
        sure = 0.99 if crops.shape[-1] >= self.needs else 0.9
        steps = np.tile(np.array([1 - sure, sure], np.float32), (len(crops), 10, 1))
        return Inference({"fetch_name_0": steps}, 0.0, 0.0, len(crops))


@pytest.mark.parametrize(
    ("needs", "asked", "score"), [(300, [352], 0.99), (480, [352, 480], 0.99), (999, [352, 480], 0.9)]
)
def test_a_wide_line_is_read_at_its_full_width_only_where_it_was_doubtful(
    needs: int, asked: list[int], score: float
) -> None:
    net, pool = Shortsighted(needs), CpuPool()
    recogniser = Recogniser(Catalog.load().get("ppocr-v6-rec-small"), ("", "a"), net.infer_many, pool)
    line = Boxes(np.array([[[0, 0], [480, 0], [480, 48], [0, 48]]], np.float32), np.ones(1, np.float32))
    lines = asyncio.run(recogniser.read(inked(236, 260), line, RunContext()))
    pool.close()

    assert (net.asked, [one.score for one in lines]) == (asked, [score])


def inked(*columns: int) -> Pixels:
    """A line of 480 columns with ink from the first to the second of these, from the third to the fourth, and so on."""
    crop = np.full((48, 480, 3), 255, np.uint8)
    for first, last in zip(columns[::2], columns[1::2], strict=True):
        crop[10:40, first:last] = 0
    return crop


@pytest.mark.parametrize(
    ("columns", "wanting"),
    [
        ((90, 110, 370, 390), False),
        ((70, 80, 90, 110, 370, 390), True),
        ((90, 110, 370, 390, 400, 420), True),
        ((), False),
    ],
    ids=["as read", "a mark in front", "a mark behind", "no ink"],
)
def test_ink_that_no_character_stands_for_is_read_again(columns: tuple[int, ...], wanting: bool) -> None:
    sure = [Character("a", place / 480, 0.99, 0.0) for place in (100, 380)]

    assert doubtful(inked(*columns), sure) is wanting


@pytest.mark.parametrize(
    ("width", "becomes"), [(40, 40), (WIDE - 1, WIDE - 1), (WIDE, round(WIDE * PART)), (1000, 700)]
)
def test_only_wide_lines_are_squeezed(width: int, becomes: int) -> None:
    (crop,) = squeezed([np.zeros((48, width, 3), np.uint8)])

    assert crop.shape == (48, becomes, 3)
