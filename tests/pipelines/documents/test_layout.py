"""Layout detection: PicoDet's outputs as blocks, and tiles of pages far longer or wider than paper."""

import asyncio
import tomllib
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from models.arrays import Array
from models.inference import Inference
from models.manifest import BUILT_IN_CATALOG, Manifest
from pipelines.boxes import Box
from pipelines.cpu_pool import CpuPool
from pipelines.documents.layout import LABELS, STRIDES, PicoDetLayout, decode_blocks, merge_tiles, tile_page
from pipelines.documents.stages import LayoutBlock
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed
from tests.pipelines.fakes import Answers, Asked

MANIFEST = Manifest.model_validate(tomllib.loads((BUILT_IN_CATALOG / "picodet-cdla.toml").read_text()))
SIZE = MANIFEST.input.sizes[0]
NAMES = [output.name for output in MANIFEST.outputs]
BINS = 8


def outputs_with(*marks: tuple[int, int, int, int, float]) -> dict[str, Array]:
    """Outputs in which each mark (stride, row, column, class, score) is a box four strides far in each direction."""
    found: dict[str, Array] = {}
    for index, stride in enumerate(STRIDES):
        rows, columns = (-(-side // stride) for side in SIZE)
        scores = np.zeros((rows * columns, len(LABELS)), np.float32)
        bins: NDArray[np.float32] = np.full((rows * columns, 4, BINS), -50, np.float32)
        bins[:, :, 4] = 50
        for at, row, column, label, score in marks:
            if at == stride:
                scores[row * columns + column, label] = score
        found[NAMES[index]] = scores
        found[NAMES[index + len(STRIDES)]] = bins.reshape(rows * columns, -1)
    return found


def test_a_cell_becomes_a_box_in_page_pixels() -> None:
    page: Box = (0, 0, SIZE[1] * 2, SIZE[0] * 2)
    (block,) = decode_blocks(outputs_with((32, 10, 8, 4, 0.9)), NAMES, SIZE, page)
    x, y = (8.5 * 32 * 2, 10.5 * 32 * 2)

    assert block.label == "table"
    assert block.box == (x - 256, y - 256, x + 256, y + 256)


def test_blocks_of_a_tile_are_mapped_to_the_page() -> None:
    tile: Box = (100, 500, 100 + SIZE[1], 500 + SIZE[0])
    (block,) = decode_blocks(outputs_with((8, 20, 20, 0, 0.9)), NAMES, SIZE, tile)

    assert block.box == pytest.approx((100 + 132, 500 + 132, 100 + 196, 500 + 196))


def test_overlaps_are_removed_within_a_label_only() -> None:
    page: Box = (0, 0, SIZE[1], SIZE[0])
    blocks = decode_blocks(outputs_with((32, 9, 9, 0, 0.8), (32, 9, 10, 0, 0.7), (32, 9, 9, 1, 0.6)), NAMES, SIZE, page)

    assert [(block.label, round(block.score, 2)) for block in blocks] == [("text", 0.8), ("title", 0.6)]


def test_low_scores_are_no_blocks() -> None:
    assert decode_blocks(outputs_with((16, 5, 5, 2, 0.1)), NAMES, SIZE, (0, 0, 100, 100)) == []


@pytest.mark.parametrize(("width", "height"), [(1240, 1754), (1754, 1240), (800, 1600)])
def test_a_page_of_paper_is_one_tile(width: int, height: int) -> None:
    assert tile_page(width, height) == [(0, 0, width, height)]


@pytest.mark.parametrize(("width", "height"), [(400, 5000), (5000, 400), (100, 20_000), (1080, 2700)])
def test_tiles_cover_a_long_page_and_overlap(width: int, height: int) -> None:
    tiles = tile_page(width, height)
    axis = 1 if height > width else 0
    overlaps = [(upper[axis + 2] - lower[axis]) > 0 for upper, lower in pairwise(tiles)]

    assert tiles[0][:2] == (0, 0)
    assert tiles[-1][2:] == (width, height)
    assert all(overlaps)
    assert 1 < len(tiles) <= 12


def test_two_halves_of_a_block_in_two_tiles_are_merged() -> None:
    tiles: list[Box] = [(0, 0, 400, 560), (0, 450, 400, 1010)]
    halves = [LayoutBlock("text", (20, 400, 380, 560), 0.8), LayoutBlock("text", (21, 450, 381, 700), 0.9)]
    separate = LayoutBlock("text", (20, 800, 380, 900), 0.7)

    assert merge_tiles([*halves, separate], tiles) == [LayoutBlock("text", (20, 400, 381, 700), 0.9), separate]


@dataclass
class FakeRuntime(Answers):
    """`Runtime.infer` that always returns the same outputs and counts its calls."""

    outputs: dict[str, Array]
    count: int = 0

    async def answer(self, asked: Asked) -> Inference:
        self.count += 1
        return Inference(self.outputs, wait_seconds=0.1, run_seconds=0.2, batch_size=1)


def test_each_tile_is_one_inference() -> None:
    runtime, pool = FakeRuntime(outputs_with((64, 3, 3, 2, 0.9))), CpuPool(threads=1)
    layout = PicoDetLayout(MANIFEST, ModelUsed(id=MANIFEST.id, version=1, sha256="0" * 64), runtime, pool)
    blocks = asyncio.run(layout.find_blocks(np.full((2400, 600, 3), 255, np.uint8), RunContext()))
    pool.close()

    assert runtime.count == len(tile_page(600, 2400))
    assert {block.label for block in blocks} == {"figure"}
