"""Where a look at low resolution finds it worth looking closer."""

import numpy as np
import pytest
from PIL import Image

from pipelines.boxes import Box
from pipelines.documents.ocr.db_postprocess import TextQuads
from pipelines.documents.ocr.detector import TextLook
from pipelines.text.areas import TextEvidence, find_areas, measure_flatness
from tests.pipelines.images import photograph
from tests.pipelines.text.conftest import draw_error_dialog

WIDTH, HEIGHT = 1000, 750
SCALE = 0.5  # canvas pixels for each of the picture's


def see(*lines: tuple[Box, float], flatness: float = 0.4, scale: float = SCALE) -> list[Box]:
    """The areas where these boxes with these scores were seen."""
    quads = [[(x0, y0), (x1, y0), (x1, y1), (x0, y1)] for (x0, y0, x1, y1), _ in lines]
    boxes = TextQuads(
        np.array(quads, np.float32).reshape(-1, 4, 2), np.array([score for _, score in lines], np.float32)
    )
    return find_areas(TextEvidence.of(TextLook(boxes, scale), flatness), WIDTH, HEIGHT)


def test_nothing_seen_is_no_area() -> None:
    assert see() == []


def test_the_area_around_a_line_has_room_for_small_print_below() -> None:
    assert see(((100, 100, 400, 140), 0.55)) == [(40, 40, 460, 200)]


def test_what_is_as_high_as_a_thing_is_no_text() -> None:
    assert see(((100, 100, 600, 500), 0.9)) == []


@pytest.mark.parametrize(("score", "areas"), [(0.6, 0), (0.7, 1)])
def test_something_square_is_text_only_if_sure(score: float, areas: int) -> None:
    assert len(see(((100, 100, 140, 140), score))) == areas


def test_a_short_dash_alone_is_no_text() -> None:
    assert see(((100, 100, 130, 108), 0.6)) == []


def test_beside_a_line_weaker_finds_are_read_as_well() -> None:
    assert len(see(((100, 100, 400, 130), 0.8), ((800, 600, 830, 630), 0.5))) == 2


def test_lines_close_together_are_one_area() -> None:
    [area] = see(((100, 100, 400, 130), 0.8), ((100, 140, 380, 170), 0.8))

    assert area == (55, 55, 445, 215)


def test_areas_come_from_top_to_bottom() -> None:
    areas = see(((600, 500, 700, 520), 0.8), ((100, 50, 200, 70), 0.8))

    assert [area[1] for area in areas] == sorted(area[1] for area in areas)


def test_many_areas_are_read_as_one() -> None:
    lines = [((100.0 + 300 * column, 100.0 + 250 * row, 160.0 + 300 * column, 110.0 + 250 * row), 0.8)
             for column in range(3) for row in range(2)]  # fmt: skip

    assert see(*lines) == [(84, 84, 776, 376)]


def test_a_page_is_read_whole_with_its_margins() -> None:
    lines = [((100.0, 60.0 + 40 * row, 900.0, 85.0 + 40 * row), 0.8) for row in range(16)]

    assert see(*lines) == [(0, 0, WIDTH, HEIGHT)]


@pytest.mark.parametrize(("flatness", "is_read"), [(0.5, False), (0.9, True), (1.0, False)])
def test_a_plain_picture_is_read_whole_for_its_small_print(flatness: float, is_read: bool) -> None:
    assert see(flatness=flatness) == ([(0, 0, WIDTH, HEIGHT)] if is_read else [])


def test_a_small_plain_picture_was_seen_well_enough() -> None:
    assert see(flatness=0.9, scale=1.0) == []


def test_photographs_are_not_flat_and_screens_are() -> None:
    assert measure_flatness(np.asarray(photograph("coffee"))) < 0.5
    assert 0.9 < measure_flatness(np.asarray(draw_error_dialog("It failed."))) < 1


@pytest.mark.parametrize("size", [(1, 1), (640, 480)])
def test_blank_paper_is_entirely_flat(size: tuple[int, int]) -> None:
    assert measure_flatness(np.asarray(Image.new("RGB", size, "white"))) == 1
