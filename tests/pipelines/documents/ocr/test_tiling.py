"""Tiles of a page: they cover every pixel of it exactly once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.registry import Catalog
from pipelines.documents.ocr.tiling import LOOK_PIXELS, MAX_TILES, default_scale, plan_look, plan_tiles

SIZES = Catalog.load().get("ppocr-v6-det-small").input.sizes

sides = st.integers(1, 20_000)


@given(sides, sides, st.floats(0.1, 2))
def test_tiles_cover_the_map_without_holes(width: int, height: int, scale: float) -> None:
    plan = plan_tiles(width, height, min(scale, default_scale(width, height) * 2), SIZES)
    maps = [np.ones(plan.canvas, np.float32)] * len(plan.tiles)

    assert plan.join_maps(maps).min() == 1
    assert len(plan.tiles) <= MAX_TILES


@settings(deadline=None)
@given(st.integers(100, 2000), st.integers(100, 2000))
def test_joined_tiles_give_the_page_back(width: int, height: int) -> None:
    page = np.arange(width * height, dtype=np.uint32).view(np.uint8)[: width * height].reshape(height, width)
    pixels = np.repeat(page[:, :, None], 3, axis=2)
    plan = plan_tiles(width, height, 1.0, SIZES)
    whole = plan.join_maps([canvas[:, :, 0].astype(np.float32) for canvas in plan.render_tiles(pixels)])

    assert (plan.width, plan.height) != (width, height) or np.array_equal(whole, pixels[:, :, 0])


def test_a_page_of_paper_needs_one_canvas() -> None:
    plans = [plan_tiles(w, h, default_scale(w, h), SIZES) for w, h in [(1654, 2339), (2339, 1654), (620, 1500)]]

    assert [len(plan.tiles) for plan in plans] == [1, 1, 1]


@given(sides, sides)
def test_a_look_takes_one_small_canvas(width: int, height: int) -> None:
    plan = plan_look(width, height, SIZES)

    assert len(plan.tiles) == 1
    assert plan.canvas[0] * plan.canvas[1] <= LOOK_PIXELS
    assert plan.width <= plan.canvas[1]
    assert plan.height <= plan.canvas[0]


@pytest.mark.parametrize(
    ("size", "canvas"), [((640, 480), (384, 512)), ((480, 640), (512, 384)), ((512, 512), (448, 448)),
                         ((1920, 1080), (320, 640))],
)  # fmt: skip
def test_a_look_has_a_canvas_of_the_pictures_shape(size: tuple[int, int], canvas: tuple[int, int]) -> None:
    assert plan_look(*size, SIZES).canvas == canvas


def test_pages_are_not_searched_on_canvases_for_looks() -> None:
    assert plan_tiles(440, 440, 1.0, SIZES).canvas == (640, 640)
