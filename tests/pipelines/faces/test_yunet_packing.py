"""Layout of a picture: whole, in tiles, and packed onto the smallest canvas that a model accepts."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from pipelines.faces import yunet
from pipelines.faces.canvas import Canvas, MipPyramid, View, choose_canvas_size, fit_whole, pack_skyline
from pipelines.faces.regions import cut_tiles

TILE = 64
OVERLAP = 12

lengths = st.integers(1, 700)
scales = st.floats(0.05, 1.6)
views = st.builds(
    lambda width, height: View((0, 0, width, height), width, height), st.integers(1, 90), st.integers(1, 90)
)
canvases = st.lists(st.tuples(st.integers(1, 200), st.integers(1, 200)), max_size=8)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1, 1), (2, 2)),
        ((16, 16), (26, 26)),
        ((100, 50), (160, 80)),
        ((6000, 10), (448, 1)),
        ((1, 3000), (1, 448)),
        ((448, 448), (448, 448)),
        ((1000, 500), (448, 224)),
    ],
    ids=str,
)
def test_a_whole_picture_has_its_aspect_and_at_least_one_pixel(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    view = fit_whole(*size, longer_side=448, max_scale=1.6)

    assert view.region == (0, 0, *size)
    assert (view.width, view.height) == expected


def is_covered(length: int, spans: set[tuple[int, int]]) -> bool:
    """Whether the spans reach from 0 to `length` without a gap."""
    ordered = sorted(spans)
    return ordered[0][0] == 0 and ordered[-1][1] == length and all(one[1] >= two[0] for one, two in pairwise(ordered))


@given(width=lengths, height=lengths, scale=scales)
@example(width=512, height=512, scale=819 / 512)
@example(width=999, height=999, scale=1598 / 999)
@example(width=501, height=1, scale=0.3)
def test_tiles_cover_the_picture(width: int, height: int, scale: float) -> None:
    found = cut_tiles((0, 0, width, height), scale=scale, side=TILE, overlap=OVERLAP)

    columns = {(one.region[0], one.region[2]) for one in found}
    rows = {(one.region[1], one.region[3]) for one in found}
    assert is_covered(width, columns)
    assert is_covered(height, rows)
    assert {one.region for one in found} == {(x0, y0, x1, y1) for x0, x1 in columns for y0, y1 in rows}


@given(length=lengths, scale=scales)
def test_neighbouring_tiles_overlap_as_asked(length: int, scale: float) -> None:
    found = cut_tiles((0, 0, length, 10), scale=scale, side=TILE, overlap=OVERLAP)

    shared = [(one.region[2] - two.region[0]) * scale for one, two in pairwise(found)]
    assert all(pixels >= OVERLAP - scale for pixels in shared)  # a picture's pixel is the finest step there is


@given(width=lengths, height=lengths, scale=scales)
@example(width=501, height=501, scale=1.5996)
@example(width=1604, height=1, scale=0.25)
def test_no_tile_is_larger_than_its_side_or_without_pixels(width: int, height: int, scale: float) -> None:
    found = cut_tiles((0, 0, width, height), scale=scale, side=TILE, overlap=OVERLAP)

    assert [one for one in found if not (1 <= one.width <= TILE and 1 <= one.height <= TILE)] == []


@pytest.mark.parametrize("level", [one for one in yunet.LEVELS if one.longer_side > yunet.TILE_SIDE])
def test_yunets_tiles_fit_its_largest_canvas(level: yunet.SearchLevel) -> None:
    sizes = [(width, height) for width in range(1, 4100, 61) for height in (width, max(1, width // 2), 1)]
    scaled = [
        (size, fit_whole(*size, longer_side=level.longer_side, max_scale=level.max_scale).scale) for size in sizes
    ]
    misfits = [
        (size, one)
        for size, scale in scaled
        for one in cut_tiles((0, 0, *size), scale=scale, side=yunet.TILE_SIDE, overlap=yunet.TILE_OVERLAP)
        if not (1 <= one.width <= yunet.TILE_SIDE and 1 <= one.height <= yunet.TILE_SIDE)
    ]

    assert misfits == []


@given(length=lengths, scale=scales)
def test_a_tile_keeps_the_scale_asked_for(length: int, scale: float) -> None:
    found = cut_tiles((0, 0, length, length), scale=scale, side=TILE, overlap=OVERLAP)

    drawn = [(one.width, (one.region[2] - one.region[0]) * scale) for one in found]
    assert all(abs(have - want) <= max(1, scale) for have, want in drawn)


def test_tiles_show_the_pixels_of_their_region() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (100, 170, 3)).astype(np.uint8)
    mips = MipPyramid(Image.fromarray(pixels))

    found = cut_tiles((0, 0, 170, 100), scale=1.0, side=TILE, overlap=OVERLAP)

    for one in found:
        x0, y0, x1, y1 = one.region
        assert np.array_equal(one.render(mips), pixels[y0:y1, x0:x1])
    assert len(found) == 8


SIZES = [(64, 96), (96, 64), (64, 64), (128, 128)]  # height, width


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1, 1), (64, 64)), ((64, 64), (64, 64)), ((65, 64), (64, 96)), ((64, 65), (96, 64)), ((96, 65), (128, 128))],
    ids=str,
)
def test_the_smallest_canvas_that_holds_a_picture_is_chosen(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert choose_canvas_size(SIZES, *size) == expected


@pytest.mark.parametrize("size", [(129, 1), (1, 129)], ids=str)
def test_a_picture_that_fits_no_canvas_is_an_error(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="empty"):
        choose_canvas_size(SIZES, *size)


def is_valid_layout(canvas: Canvas) -> bool:
    """Whether all views lie on the canvas and no pixel belongs to two."""
    taken = np.zeros((canvas.height, canvas.width), np.int64)
    for view in canvas.views:
        taken[view.top : view.top + view.height, view.left : view.left + view.width] += 1
    areas = sum(view.width * view.height for view in canvas.views)
    return bool(taken.max(initial=0) <= 1 and taken.sum() == areas)


@given(sizes=canvases, several=st.lists(views, min_size=1, max_size=10))
def test_all_views_are_packed_and_none_overlap(sizes: list[tuple[int, int]], several: list[View]) -> None:
    canvas = pack_skyline(sizes, several)
    if canvas is None:
        return

    shapes = sorted((view.width, view.height) for view in canvas.views)
    assert is_valid_layout(canvas)
    assert (canvas.height, canvas.width) in sizes
    assert shapes == sorted((view.width, view.height) for view in several)


@given(sizes=canvases, view=views)
def test_a_single_view_lies_on_the_smallest_canvas_or_none(sizes: list[tuple[int, int]], view: View) -> None:
    areas = [height * width for height, width in sizes if height >= view.height and width >= view.width]

    canvas = pack_skyline(sizes, [view])

    assert (canvas.height * canvas.width if canvas else None) == min(areas, default=None)


@pytest.mark.parametrize("sizes", [[], [(10, 10)], [(200, 19)], [(19, 200)], [(20, 39)]], ids=str)
def test_views_that_fit_no_canvas_are_not_packed(sizes: list[tuple[int, int]]) -> None:
    assert pack_skyline(sizes, [View((0, 0, 20, 20), 20, 20), View((0, 0, 20, 20), 20, 20)]) is None


@pytest.mark.parametrize(
    ("size", "shapes"),
    [((20, 40), [(20, 20), (20, 20)]), ((40, 50), [(20, 20), (30, 40), (20, 20)]), ((40, 20), [(20, 20), (20, 20)])],
    ids=str,
)
def test_views_that_fill_a_canvas_exactly_are_packed(size: tuple[int, int], shapes: list[tuple[int, int]]) -> None:
    canvas = pack_skyline([size], [View((0, 0, width, height), width, height) for width, height in shapes])

    assert canvas is not None
    assert is_valid_layout(canvas)
