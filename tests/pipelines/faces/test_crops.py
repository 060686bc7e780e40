"""Windows cut out of a picture show its pixels, its mean colour outside, and map points back to the picture."""

from math import cos, pi, sin

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from pipelines.faces.candidates import Floats
from pipelines.faces.canvas import MipPyramid
from pipelines.faces.crops import cut_windows, map_to_picture
from tests.pipelines.images import photograph

QUARTER = pi / 2


def make_floats(*values: object) -> Floats:
    return np.array(values, np.float32)


def make_noise(width: int, height: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(1, 255, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize(("x", "y"), [(50, 40), (16, 16), (84, 64)])
def test_an_upright_window_at_the_pictures_scale_is_the_pictures_pixels(x: int, y: int) -> None:
    pixels = make_noise(100, 80)

    [crop] = cut_windows(MipPyramid(Image.fromarray(pixels)), make_floats((x, y)), make_floats(32), None, 32)

    assert np.array_equal(crop, pixels[y - 16 : y + 16, x - 16 : x + 16])


@pytest.mark.parametrize("turns", range(-1, 4))
def test_a_window_turned_by_quarters_shows_the_turned_pixels(turns: int) -> None:
    pixels = make_noise(100, 80)

    [crop] = cut_windows(
        MipPyramid(Image.fromarray(pixels)), make_floats((50, 40)), make_floats(32), make_floats(turns * QUARTER), 32
    )

    # Its x axis points down the picture after one turn clockwise: the picture then is turned counterclockwise.
    expected = np.rot90(pixels[24:56, 34:66], turns)
    assert np.abs(crop.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("shrink", [2, 4, 8])
def test_a_large_window_is_as_smooth_as_the_picture_reduced(shrink: int) -> None:
    image = photograph("astronaut")

    [crop] = cut_windows(MipPyramid(image), make_floats((256, 256)), make_floats(32 * shrink), None, 32)

    whole = np.asarray(image.reduce(shrink)).astype(int)
    middle = 256 // shrink
    assert np.abs(crop - whole[middle - 16 : middle + 16, middle - 16 : middle + 16]).max() <= 1


def test_outside_the_picture_a_window_has_its_mean_colour() -> None:
    pixels = np.full((40, 40, 3), 240, np.uint8)
    pixels[20:] = (40, 80, 120)

    [corner, outside] = cut_windows(
        MipPyramid(Image.fromarray(pixels)), make_floats((0, 0), (200, 20)), make_floats(32, 32), None, 32
    )

    expected = np.full((32, 32, 3), (140, 160, 180), np.uint8)
    expected[16:, 16:] = 240
    assert np.array_equal(corner, expected)
    assert (outside == (140, 160, 180)).all()


SIZES = [(1, 1), (1, 300), (300, 1), (40, 30)]


@pytest.mark.parametrize("side", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_smallest_windows_show_a_pixel_of_pictures_of_any_size(size: tuple[int, int], side: float) -> None:
    middle = ((size[0] // 2) + 0.5, (size[1] // 2) + 0.5)

    crops = cut_windows(MipPyramid(Image.new("RGB", size, "white")), make_floats(middle), make_floats(side), None, 24)

    assert crops.shape == (1, 24, 24, 3)
    assert crops[0, 12, 12].min() > 200


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_window_far_larger_than_the_picture_is_mostly_its_mean_colour(size: tuple[int, int]) -> None:
    middle = (size[0] / 2, size[1] / 2)
    pixels = np.asarray(Image.new("RGB", size, (10, 10, 10))).copy()
    pixels[:, : size[0] // 2] = 250

    crops = cut_windows(MipPyramid(Image.fromarray(pixels)), make_floats(middle), make_floats(5000), None, 24)

    assert (np.abs(crops - pixels.mean()) > 5).any(axis=3).sum() <= 6


def test_no_windows_are_an_empty_array() -> None:
    crops = cut_windows(
        MipPyramid(Image.new("RGB", (9, 9))), np.zeros((0, 2), np.float32), np.zeros(0, np.float32), None, 24
    )

    assert crops.shape == (0, 24, 24, 3)


@pytest.mark.parametrize("angle", [0.0, 0.4, -1.2, 2.0, pi])
@pytest.mark.parametrize("side", [40.0, 90.0, 150.0])
def test_a_dot_in_a_window_maps_to_its_place_in_the_picture(side: float, angle: float) -> None:
    """The dot lies an 8th of the side to the right of the middle and a 5th under it, as the window has it."""
    across, down = side / 8, side / 5
    centre = (100.0, 90.0)
    dot = (centre[0] + across * cos(angle) - down * sin(angle), centre[1] + across * sin(angle) + down * cos(angle))
    columns, rows = np.meshgrid(np.arange(200) + 0.5, np.arange(180) + 0.5)
    glow = 250 * np.exp(-((columns - dot[0]) ** 2 + (rows - dot[1]) ** 2) / (2 * (side / 20) ** 2))
    mips = MipPyramid(Image.fromarray(glow.astype(np.uint8)).convert("RGB"))

    [crop] = cut_windows(mips, make_floats(centre), make_floats(side), make_floats(angle), 48)

    light = crop[..., 0].astype(np.float64)
    y, x = ((np.indices(light.shape) + 0.5) * light).sum(axis=(1, 2)) / light.sum() / 48
    assert (x, y) == pytest.approx((0.5 + 1 / 8, 0.5 + 1 / 5), abs=0.01)
    back = map_to_picture(make_floats([(x, y)]), make_floats(centre), make_floats(side), make_floats(angle))
    assert back[0, 0] == pytest.approx(dot, abs=0.02 * side)


@given(
    points=st.lists(st.tuples(st.floats(-1, 2, width=32), st.floats(-1, 2, width=32)), min_size=1, max_size=5),
    side=st.floats(1, 500),
    angle=st.floats(-4, 4),
    x=st.floats(-100, 900),
    y=st.floats(-100, 900),
)
def test_mapped_points_have_their_share_of_the_window(
    points: list[tuple[float, float]], side: float, angle: float, x: float, y: float
) -> None:
    """Turned back and divided by the side, the distance to the middle is the share."""
    found = map_to_picture(make_floats(points), make_floats((x, y)), make_floats(side), make_floats(angle))[0].astype(
        np.float64
    ) - (x, y)

    turned = found @ np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]])
    assert turned / side + 0.5 == pytest.approx(np.array(points), abs=1e-3)
