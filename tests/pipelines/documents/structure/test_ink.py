"""Trimming a line's box to its ink."""

import numpy as np
import pytest

from pipelines.boxes import Box
from pipelines.documents.structure.ink import MARGIN, Grey, trim_to_ink

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
