"""Measures of connected parts: one thing alone, many small ones, capitals in a line."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pipelines.captioning.kinds.components import measure_capitals, measure_things

SHARE, PARTS, LARGEST, SECOND, SMALL, ACROSS, DOWN, FILLED = range(8)
LETTERS, ON_ONE_LINE = range(2)


def pixels_of(picture: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(picture)


def drawn(*boxes: tuple[int, int, int, int], ground: str = "white") -> Image.Image:
    picture = Image.new("RGB", (200, 160), ground)
    for box in boxes:
        ImageDraw.Draw(picture).rectangle(box, "navy")
    return picture


def captioned(tops: list[int]) -> NDArray[np.uint8]:
    """White blocks as large as capitals, one at each of `tops`, from the left to the right."""
    grey = Image.new("L", (200, 160), 90)
    for place, top in enumerate(tops):
        ImageDraw.Draw(grey).rectangle((8 + 18 * place, top, 16 + 18 * place, top + 14), 255)
    return np.asarray(grey)


def test_a_thing_alone_is_one_part_of_its_size() -> None:
    found = measure_things(pixels_of(drawn((40, 40, 139, 119))))

    assert found[PARTS] == pytest.approx(np.log(2))
    assert found[SHARE] == pytest.approx(0.25, abs=0.01)
    assert found[LARGEST] == 1
    assert found[ACROSS] == pytest.approx(0.5, abs=0.02)
    assert found[FILLED] == pytest.approx(1)


def test_two_things_share_what_is_drawn() -> None:
    found = measure_things(pixels_of(drawn((10, 10, 109, 49), (10, 100, 59, 139))))

    assert found[LARGEST] == pytest.approx(2 / 3, abs=0.02)
    assert found[SECOND] == pytest.approx(1 / 3, abs=0.02)


def test_specks_count_as_small() -> None:
    specks = [(20 * place, 50, 20 * place + 3, 53) for place in range(1, 9)]

    found = measure_things(pixels_of(drawn(*specks)))

    assert found[PARTS] == pytest.approx(np.log(9))
    assert found[SMALL] == 1


def test_the_ground_may_have_any_colour() -> None:
    box = (40, 40, 139, 119)

    assert measure_things(pixels_of(drawn(box, ground="orange"))) == measure_things(pixels_of(drawn(box)))


def test_one_colour_has_no_parts() -> None:
    assert not any(measure_things(pixels_of(drawn())))


def test_capitals_on_one_line_are_counted() -> None:
    found = measure_capitals(captioned([20] * 8))

    assert found[LETTERS] == pytest.approx(np.log(9))
    assert found[ON_ONE_LINE] == pytest.approx(np.log(9))


def test_scattered_capitals_stand_on_no_line() -> None:
    found = measure_capitals(captioned([20, 50, 80, 110, 35, 65, 95, 125]))

    assert found[LETTERS] == pytest.approx(np.log(9))
    assert found[ON_ONE_LINE] == pytest.approx(np.log(2))


def test_a_white_wall_has_no_capitals() -> None:
    assert measure_capitals(np.full((160, 200), 255, np.uint8)) == [0, 0]
