"""Finding the outline of a photographed page, and none where there is no page or no perspective."""

import numpy as np
import pytest

from pipelines.documents.page_outline import find_outline
from tests.pipelines.documents.drawn_pages import PageDrawing
from tests.pipelines.documents.perspective_pages import CORNERS, STRAIGHT, as_points, draw_letter, photograph_page
from tests.pipelines.images import photograph


@pytest.mark.parametrize("texture", ["brick", "grass", "gravel"])
@pytest.mark.parametrize("view", list(CORNERS))
def test_the_corners_of_a_page_are_found(view: str, texture: str) -> None:
    outline = find_outline(photograph_page(draw_letter(), CORNERS[view], texture))

    assert outline is not None
    assert np.abs(outline - as_points(CORNERS[view])).max() < 8


def test_a_page_seen_from_above_needs_no_outline() -> None:
    assert find_outline(photograph_page(draw_letter(), STRAIGHT)) is None


def test_a_page_beyond_the_picture_has_no_outline() -> None:
    corners = [(-90, 100), (1000, 250), (1100, 1400), (-60, 1450)]

    assert find_outline(photograph_page(draw_letter(), corners)) is None


@pytest.mark.parametrize("name", ["astronaut", "cat", "coffee", "rocket", "brick", "grass"])
def test_photographs_without_a_page_have_no_outline(name: str) -> None:
    assert find_outline(np.asarray(photograph(name).convert("RGB"))) is None


def test_a_scan_has_no_outline() -> None:
    sheet = PageDrawing()
    sheet.paragraph(100, 200, 1100, 20)

    assert find_outline(np.asarray(sheet.image)) is None


def test_a_black_picture_has_no_outline() -> None:
    assert find_outline(np.zeros((300, 200, 3), np.uint8)) is None
