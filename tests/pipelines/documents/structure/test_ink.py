"""Boxes closely around the ink of a line."""

import numpy as np
import pytest

from pipelines.documents.structure.ink import MARGIN, Grey, trimmed
from pipelines.documents.types import Box

ROOMY = (20.0, 40.0, 180.0, 80.0)


def page(*strokes: Box, paper: int = 255) -> Grey:
    """200 x 120 pixels with these boxes full of ink."""
    grey = np.full((120, 200), paper, np.uint8)
    for x0, y0, x1, y1 in strokes:
        grey[int(y0) : int(y1), int(x0) : int(x1)] = 255 - paper
    return grey


def around(box: Box, margin: float = 40 * MARGIN) -> Box:
    return box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin


@pytest.mark.parametrize("paper", [0, 255])
def test_a_box_shrinks_to_its_line_and_a_margin(paper: int) -> None:
    assert trimmed(page((40, 52, 150, 66), paper=paper), ROOMY) == around((40, 52, 150, 66))


def test_what_reaches_in_from_the_lines_above_and_below_is_left_out() -> None:
    grey = page((40, 56, 150, 66), (30, 30, 170, 44), (30, 77, 170, 90))

    assert trimmed(grey, ROOMY) == around((40, 56, 150, 66))


def test_the_dot_of_an_i_belongs_to_it() -> None:
    assert trimmed(page((40, 56, 150, 66), (90, 50, 94, 53)), ROOMY) == around((40, 50, 150, 66))


def test_a_box_never_grows() -> None:
    assert trimmed(page(ROOMY), ROOMY) == ROOMY


def test_text_that_runs_up_the_page_is_trimmed_on_its_own_sides() -> None:
    turned = np.ascontiguousarray(page((40, 52, 70, 66), (100, 52, 150, 66)).T)

    assert trimmed(turned, (40.0, 20.0, 80.0, 180.0)) == around((52, 40, 66, 150))


@pytest.mark.parametrize("box", [ROOMY, (300.0, 300.0, 400.0, 320.0), (50.0, 50.0, 50.0, 60.0)])
def test_a_box_without_ink_stays(box: Box) -> None:
    assert trimmed(page(), box) == box
