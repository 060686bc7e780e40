"""Regions for a finer search hold every box and share no pixel; canvases hold every view."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.faces.canvas import View
from pipelines.faces.regions import enclose_boxes, pack_onto_canvases

WIDTH, HEIGHT = 200, 150

boxes = st.builds(
    lambda x, y, side: (x, y, x + side, y + side), st.integers(0, 190), st.integers(0, 140), st.integers(1, 10)
)


@given(found=st.lists(boxes, max_size=12), margin=st.floats(0.5, 3), grain=st.floats(1, 20))
def test_every_box_lies_in_a_region_and_regions_are_disjoint(
    found: list[tuple[int, int, int, int]], margin: float, grain: float
) -> None:
    regions = enclose_boxes(np.array(found, np.float32).reshape(-1, 4), WIDTH, HEIGHT, margin=margin, grain=grain)

    covered = np.zeros((HEIGHT, WIDTH), np.int64)
    inner = np.zeros((HEIGHT, WIDTH), np.bool_)
    for x0, y0, x1, y1 in regions:
        covered[y0:y1, x0:x1] += 1
        inner[y0:y1, x0:x1] = True
    missed = [box for box in found if not inner[box[1] : box[3], box[0] : box[2]].all()]
    assert missed == []
    assert covered.max(initial=0) <= 1


def test_without_boxes_there_is_no_region() -> None:
    assert enclose_boxes(np.zeros((0, 4), np.float32), WIDTH, HEIGHT, margin=1.0, grain=8.0) == []


@pytest.mark.parametrize("count", [1, 4, 5, 9])
def test_all_views_are_packed_onto_as_few_canvases_as_needed(count: int) -> None:
    canvases = pack_onto_canvases([(20, 20)], [View((0, 0, 10, 10), 10, 10)] * count)

    assert sum(len(one.views) for one in canvases) == count
    assert len(canvases) == -(-count // 4)


def test_a_view_that_fits_no_canvas_is_an_error() -> None:
    with pytest.raises(ValueError, match="21 x 10"):
        pack_onto_canvases([(20, 20)], [View((0, 0, 21, 10), 21, 10)])
