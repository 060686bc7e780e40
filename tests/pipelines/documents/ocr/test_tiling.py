"""Where a page is put on canvases: every pixel of it is answered for, once."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.registry import Catalog
from pipelines.documents.ocr.tiling import MOST_TILES, plan, usual_scale

SIZES = Catalog.load().get("ppocr-v6-det-small").input.sizes

sides = st.integers(1, 20_000)


@given(sides, sides, st.floats(0.1, 2))
def test_tiles_cover_the_map_without_holes(width: int, height: int, scale: float) -> None:
    layout = plan(width, height, min(scale, usual_scale(width, height) * 2), SIZES)
    maps = [np.ones(layout.canvas, np.float32)] * len(layout.tiles)

    assert (layout.joined(maps).min(), len(layout.tiles) <= MOST_TILES) == (1, True)


@settings(deadline=None)
@given(st.integers(100, 2000), st.integers(100, 2000))
def test_a_page_is_put_together_as_it_was(width: int, height: int) -> None:
    page = np.arange(width * height, dtype=np.uint32).view(np.uint8)[: width * height].reshape(height, width)
    pixels = np.repeat(page[:, :, None], 3, axis=2)
    layout = plan(width, height, 1.0, SIZES)
    whole = layout.joined([canvas[:, :, 0].astype(np.float32) for canvas in layout.render(pixels)])

    assert (layout.width, layout.height) != (width, height) or np.array_equal(whole, pixels[:, :, 0])


def test_a_page_of_paper_needs_one_canvas() -> None:
    assert [len(plan(w, h, usual_scale(w, h), SIZES).tiles) for w, h in [(1654, 2339), (2339, 1654), (620, 1500)]] == [
        1
    ] * 3
