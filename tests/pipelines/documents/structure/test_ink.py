"""Trimming the boxes of lines and graphics to their ink."""

import numpy as np
import pytest

from pipelines.boxes import Box
from pipelines.documents.structure.ink import MARGIN, Grey, hug_content, hug_line, trim_to_ink

LOOSE_BOX = (20.0, 40.0, 180.0, 80.0)


def draw_page(*strokes: Box, paper: int = 255) -> Grey:
    """200 x 120 pixels with these boxes filled with ink."""
    grey = np.full((120, 200), paper, np.uint8)
    for x0, y0, x1, y1 in strokes:
        grey[int(y0) : int(y1), int(x0) : int(x1)] = 255 - paper
    return grey


def expand(box: Box, margin: float = 40 * MARGIN) -> Box:
    return box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin


@pytest.mark.parametrize("paper", [0, 255])
def test_a_box_shrinks_to_its_line_and_a_margin(paper: int) -> None:
    assert trim_to_ink(draw_page((40, 52, 150, 66), paper=paper), LOOSE_BOX) == expand((40, 52, 150, 66))


def test_ink_from_neighbouring_lines_is_left_out() -> None:
    grey = draw_page((40, 56, 150, 66), (30, 30, 170, 44), (30, 77, 170, 90))

    assert trim_to_ink(grey, LOOSE_BOX) == expand((40, 56, 150, 66))


def test_the_dot_of_an_i_belongs_to_it() -> None:
    assert trim_to_ink(draw_page((40, 56, 150, 66), (90, 50, 94, 53)), LOOSE_BOX) == expand((40, 50, 150, 66))


def test_a_box_never_grows() -> None:
    assert trim_to_ink(draw_page(LOOSE_BOX), LOOSE_BOX) == LOOSE_BOX


def test_text_that_runs_up_the_page_is_trimmed() -> None:
    turned = np.ascontiguousarray(draw_page((40, 52, 70, 66), (100, 52, 150, 66)).T)

    assert trim_to_ink(turned, (40.0, 20.0, 80.0, 180.0)) == expand((52, 40, 66, 150))


@pytest.mark.parametrize("box", [LOOSE_BOX, (300.0, 300.0, 400.0, 320.0), (50.0, 50.0, 50.0, 60.0)])
def test_a_box_without_ink_stays(box: Box) -> None:
    assert trim_to_ink(draw_page(), box) == box


def test_a_faint_word_stays_in_its_line() -> None:
    grey = draw_page((24, 52, 90, 66))
    grey[52:66, 100:175] = 190

    assert trim_to_ink(grey, LOOSE_BOX)[2] < 100
    assert hug_line(grey, LOOSE_BOX)[2] == 180


def test_a_graphic_shrinks_to_what_is_drawn() -> None:
    assert hug_content(draw_page((40, 52, 150, 66), (60, 70, 65, 75)), LOOSE_BOX, []) == (40, 52, 150, 75)


def test_dust_around_a_graphic_is_no_content() -> None:
    grey = np.full((1200, 2000), 255, np.uint8)
    grey[400:800, 600:1500] = 0
    grey[205, 305] = grey[1100, 1700] = 0

    assert hug_content(grey, (200.0, 100.0, 1800.0, 1150.0), []) == (600, 400, 1500, 800)


def test_a_graphic_keeps_its_own_lines() -> None:
    assert hug_content(draw_page((40, 52, 150, 66)), LOOSE_BOX, [(30, 44, 60, 90)]) == (30, 44, 150, 90)


def test_a_dark_edge_of_a_photograph_is_content() -> None:
    grey = draw_page(LOOSE_BOX)
    grey[55:65, 60:140] = 200  # what it shows, in front of a night sky

    assert hug_content(grey, LOOSE_BOX, []) == LOOSE_BOX


def test_a_picture_as_large_as_the_page_loses_its_margin() -> None:
    assert hug_content(draw_page((40, 52, 150, 66), paper=0), (0.0, 0.0, 200.0, 120.0), []) == (40, 52, 150, 66)


@pytest.mark.parametrize("box", [LOOSE_BOX, (300.0, 300.0, 400.0, 320.0), (50.0, 50.0, 50.0, 60.0)])
def test_a_graphic_without_ink_keeps_its_box(box: Box) -> None:
    assert hug_content(draw_page(), box, []) == box
