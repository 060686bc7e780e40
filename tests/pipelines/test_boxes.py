"""Arithmetic of boxes."""

from pipelines.boxes import Box, intersection_over_union


def test_intersection_over_union_of_equal_overlapping_and_disjoint_boxes() -> None:
    boxes: list[Box] = [(0, 0, 4, 4), (2, 0, 6, 4), (4, 0, 8, 4)]

    assert [intersection_over_union(boxes[0], other) for other in boxes] == [1.0, 8 / 24, 0.0]
