"""Non-maximum suppression agrees with its definition."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.boxes import Box
from pipelines.nms import BLOCK, Floats, keep_best

# Whole numbers and quarters: no rounding, so that a tie is a tie in the reference, too.
boxes = st.builds(
    lambda x, y, width, height: (x, y, x + width, y + height),
    st.integers(-10, 10), st.integers(-10, 10), st.integers(1, 12), st.integers(1, 12),
)  # fmt: skip
scored = st.tuples(boxes, st.sampled_from([0.25, 0.5, 0.75, 1.0]))
QUARTERS = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])


def make_arrays(found: Sequence[tuple[Box, float]]) -> tuple[Floats, Floats]:
    corners = np.array([box for box, _ in found], np.float32).reshape(-1, 4)
    return corners, np.array([score for _, score in found], np.float32)


def measure_overlap(one: Box, other: Box, *, of_smaller: bool) -> float:
    width = max(0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0, min(one[3], other[3]) - max(one[1], other[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    whole = min(areas) if of_smaller else sum(areas) - width * height
    return width * height / whole


def keep_by_definition(found: Sequence[tuple[Box, float]], iou: float, of_smaller: bool) -> list[int]:
    """Best first, the earlier of two equals; a box that overlaps a kept one too much is dropped."""
    kept: list[int] = []
    for row in sorted(range(len(found)), key=lambda row: -found[row][1]):
        if all(measure_overlap(found[row][0], found[other][0], of_smaller=of_smaller) <= iou for other in kept):
            kept.append(row)
    return kept


@given(found=st.lists(scored, max_size=20), iou=QUARTERS, of_smaller=st.booleans())
@example(found=[((0, 0, 9, 9), 0.5), ((0, 0, 9, 9), 0.5)], iou=0.75, of_smaller=False)
@example(found=[((0, 0, 4, 4), 0.5), ((0, 0, 4, 2), 0.75)], iou=0.5, of_smaller=False)
def test_the_kept_boxes_are_those_of_the_definition(
    found: Sequence[tuple[Box, float]], iou: float, of_smaller: bool
) -> None:
    corners, scores = make_arrays(found)

    assert keep_best(corners, scores, iou=iou, of_smaller=of_smaller) == keep_by_definition(found, iou, of_smaller)


@given(order=st.permutations(range(3 * BLOCK)), iou=st.sampled_from([0.25, 0.5]), of_smaller=st.booleans())
def test_several_blocks_of_boxes_follow_the_same_definition(order: list[int], iou: float, of_smaller: bool) -> None:
    found = [((3 * number, 0, 3 * number + 8 + number % 3, 8), rank / 256) for number, rank in enumerate(order)]
    corners, scores = make_arrays(found)

    assert keep_best(corners, scores, iou=iou, of_smaller=of_smaller) == keep_by_definition(found, iou, of_smaller)


@pytest.mark.parametrize(("of_smaller", "kept"), [(False, [0, 1]), (True, [0])])
def test_a_part_is_suppressed_only_when_the_smaller_box_counts(of_smaller: bool, kept: list[int]) -> None:
    corners, scores = make_arrays([((0, 0, 10, 10), 0.75), ((2, 2, 5, 5), 0.5)])

    assert keep_best(corners, scores, iou=0.5, of_smaller=of_smaller) == kept


@pytest.mark.parametrize("of_smaller", [False, True])
def test_no_boxes_keep_no_rows(of_smaller: bool) -> None:
    corners, scores = make_arrays([])

    assert keep_best(corners, scores, iou=0.5, of_smaller=of_smaller) == []
