"""Views and canvases: a mark drawn in a picture appears on the canvas, and maps to its place in the picture."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from pipelines.faces.candidates import Candidates, Floats
from pipelines.faces.canvas import Canvas, MipPyramid, Rectangle, View, fit_whole, place_centred, place_turned

MARK = 9  # side of the white square


def draw_marks(width: int, height: int, *centres: tuple[int, int]) -> Image.Image:
    """A dark picture with a white square around each of the pixels `centres`."""
    pixels = np.full((height, width, 3), 30, np.uint8)
    for x, y in centres:
        pixels[max(0, y - MARK // 2) : y + MARK // 2 + 1, max(0, x - MARK // 2) : x + MARK // 2 + 1] = 255
    return Image.fromarray(pixels)


def find_bright_centre(canvas: NDArray[np.uint8]) -> Floats:
    """(x, y) of the centre of brightness, in pixels from the outer edge of the first pixel."""
    light = canvas[..., 0].astype(np.float64).clip(40) - 40
    rows, columns = np.indices(light.shape) + 0.5
    return np.array([(columns * light).sum() / light.sum(), (rows * light).sum() / light.sum()], np.float32)


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize(
    ("region", "size"),
    [
        ((0, 0, 200, 120), (200, 120)),
        ((0, 0, 200, 120), (100, 60)),
        ((0, 0, 200, 120), (320, 192)),
        ((30, 10, 190, 110), (80, 50)),
        ((31, 11, 188, 113), (61, 40)),
    ],
    ids=str,
)
@pytest.mark.parametrize("mark", [(60, 40), (150, 90)], ids=str)
def test_points_on_the_canvas_map_to_their_place_in_the_picture(
    mark: tuple[int, int], region: Rectangle, size: tuple[int, int], turns: int
) -> None:
    view = View(region, *size, turns=turns, left=17, top=5)
    canvas = Canvas(400, 400, (view,)).render(MipPyramid(draw_marks(200, 120, mark)))

    found = view.map_to_picture(find_bright_centre(canvas))

    assert np.abs(found - (mark[0] + 0.5, mark[1] + 0.5)).max() < 1


@pytest.mark.parametrize(("turns", "corner"), [*enumerate([(0, 0), (0, 1), (1, 1), (1, 0)])])
def test_turns_are_quarters_counterclockwise(turns: int, corner: tuple[int, int]) -> None:
    """The top left pixel goes to the bottom left, then the bottom right, then the top right."""
    view = View((0, 0, 40, 30), 40, 30, turns=turns)
    image = view.render(MipPyramid(draw_marks(40, 30, (0, 0))))

    width, height = view.size
    x, y = find_bright_centre(image).tolist()
    assert image.shape == (height, width, 3)
    assert (round(x / width), round(y / height)) == corner


def make_candidate(x0: float, y0: float, x1: float, y1: float) -> Candidates:
    """One candidate; its landmarks are the box's corners and its centre."""
    points = [(x0, y0), (x1, y0), ((x0 + x1) / 2, (y0 + y1) / 2), (x0, y1), (x1, y1)]
    corners = np.array([[x0, y0, x1, y1]], np.float32)
    return Candidates(corners, np.ones(1, np.float32), np.array([points], np.float32))


@pytest.mark.parametrize(
    ("turns", "landmarks"), [*enumerate([(0, 1, 2, 3, 4), (1, 4, 2, 0, 3), (4, 3, 2, 1, 0), (3, 0, 2, 4, 1)])]
)
def test_a_mapped_box_keeps_its_corner_order_and_turns_its_landmarks(turns: int, landmarks: tuple[int, ...]) -> None:
    picture = np.array([[20, 20], [60, 20], [40, 35], [20, 50], [60, 50]])  # of 100 x 80, where the box should be
    on_canvas = {0: (20, 20, 60, 50), 1: (20, 40, 50, 80), 2: (40, 30, 80, 60), 3: (30, 20, 60, 60)}[turns]
    canvas = Canvas(100, 100, (View((0, 0, 100, 80), 100, 80, turns=turns),))

    found = canvas.map_to_picture(make_candidate(*on_canvas))

    assert found.boxes.tolist() == [[20, 20, 60, 50]]
    assert found.landmarks[0].tolist() == picture[list(landmarks)].tolist()


@pytest.mark.parametrize(
    ("x", "y", "kept"), [(10, 10, 1), (49, 29, 1), (50, 10, 0), (10, 30, 0), (60, 10, 1), (59, 10, 0), (95, 35, 0)]
)
def test_candidates_outside_every_view_are_dropped(x: int, y: int, kept: int) -> None:
    views = (View((0, 0, 50, 30), 50, 30), View((0, 0, 30, 50), 30, 50, turns=0, left=60))
    canvas = Canvas(60, 100, views)

    assert len(canvas.map_to_picture(make_candidate(x - 4, y - 4, x + 4, y + 4))) == kept


def test_each_view_maps_by_its_own_region_and_scale() -> None:
    near, far = View((0, 0, 50, 30), 50, 30), View((100, 200, 200, 260), 50, 30, left=50)

    found = Canvas(30, 100, (near, far)).map_to_picture(
        Candidates.concatenate([make_candidate(10, 10, 20, 20), make_candidate(60, 10, 70, 20)])
    )

    assert found.boxes.tolist() == [[10, 10, 20, 20], [120, 220, 140, 240]]


def test_a_canvas_is_black_where_no_view_lies() -> None:
    canvas = Canvas(40, 60, (View((0, 0, 20, 10), 20, 10, left=30, top=20),))

    pixels = canvas.render(MipPyramid(Image.new("RGB", (20, 10), "white")))

    expected = np.zeros((40, 60, 3), np.uint8)
    expected[20:30, 30:50] = 255
    assert np.array_equal(pixels, expected)


@pytest.mark.parametrize("size", [(200, 120), (33, 90), (80, 80), (1, 1), (6000, 10)], ids=str)
def test_the_turned_canvas_shows_three_turns_with_gaps_between(
    size: tuple[int, int],
) -> None:
    canvas = place_turned(*size, longer_side=40, gap=6)

    covered = np.zeros((canvas.height, canvas.width), int)
    for view in canvas.views:
        across, down = view.size
        assert min(view.left, view.top) >= 3
        covered[view.top - 3 : view.top + down + 3, view.left - 3 : view.left + across + 3] += 1
    assert {view.turns: max(view.size) for view in canvas.views} == dict.fromkeys((1, 2, 3), min(40, 4 * max(size)))
    assert covered.max() == 1
    assert covered.sum() == sum((view.size[0] + 6) * (view.size[1] + 6) for view in canvas.views)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_mark_in_any_turn_maps_to_the_picture(turns: int) -> None:
    canvas = place_turned(200, 120, longer_side=144, gap=8)
    view = next(one for one in canvas.views if one.turns == turns)
    alone = Canvas(canvas.height, canvas.width, (view,)).render(MipPyramid(draw_marks(200, 120, (150, 40))))
    x, y = find_bright_centre(alone).tolist()

    found = canvas.map_to_picture(make_candidate(x - 5, y - 5, x + 5, y + 5))

    assert found.centres[0] == pytest.approx((150.5, 40.5), abs=1)


@pytest.mark.parametrize("size", [(200, 120), (33, 90), (80, 80), (1, 1), (6000, 10)], ids=str)
def test_a_centred_picture_has_equal_margins_in_its_mean_colour(size: tuple[int, int]) -> None:
    canvas = place_centred(*size, longer_side=64, side=96)

    mips = MipPyramid(Image.new("RGB", size, (200, 100, 50)))
    pixels = canvas.render(mips, mips.mean)
    [view] = canvas.views
    margins = np.array([[view.left, 96 - view.left - view.width], [view.top, 96 - view.top - view.height]])
    assert np.ptp(margins, axis=1).max() <= 1
    assert margins.min() >= 16
    assert pixels.reshape(-1, 3).tolist() == [[200, 100, 50]] * 96**2


@pytest.mark.parametrize("size", [(1, 1), (40, 30), (1, 3000), (5000, 4), (641, 479)], ids=str)
def test_the_mean_colour_is_that_of_all_pixels(size: tuple[int, int]) -> None:
    image = Image.linear_gradient("L").resize(size).convert("RGB")

    assert MipPyramid(image).mean == pytest.approx(np.asarray(image).mean(axis=(0, 1)), abs=4)


@pytest.mark.parametrize(("size", "halvings"), [((1, 1), 9), ((1, 3000), 9), ((3000, 1), 9), ((7, 5), 9), ((64, 2), 3)])
def test_any_level_of_the_pyramid_is_available(size: tuple[int, int], halvings: int) -> None:
    image, scale = MipPyramid(Image.new("RGB", size, "white")).level(halvings)

    height, width = image.shape[:2]
    assert min(width, height) >= 1
    assert [side * scale for side in size] == pytest.approx([width, height], abs=1)


@given(width=st.integers(1, 70), height=st.integers(1, 70), scale=st.floats(0.01, 1.6))
def test_a_level_for_a_scale_has_one_to_four_times_the_pixels(width: int, height: int, scale: float) -> None:
    mips = MipPyramid(Image.new("RGB", (width, height)))
    image, found = mips.level_for_scale(scale)
    is_last = mips.level(99)[0].shape == image.shape

    assert min(scale, 1) <= found * 1.001
    assert found < 2 * scale or is_last or scale > 0.5


@given(width=st.integers(1, 90), height=st.integers(1, 90), longer_side=st.integers(1, 60), turns=st.integers(0, 3))
def test_a_whole_picture_of_any_size_can_be_rendered(width: int, height: int, longer_side: int, turns: int) -> None:
    view = fit_whole(width, height, longer_side=longer_side, max_scale=1.6)
    placed = View(view.region, view.width, view.height, turns=turns)

    drawn_width, drawn_height = placed.size
    assert placed.render(MipPyramid(Image.new("RGB", (width, height)))).shape == (drawn_height, drawn_width, 3)
