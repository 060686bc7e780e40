"""Views of one picture are fused: matching boxes are averaged, the others stay with less weight."""

from collections.abc import Sequence

import numpy as np
import pytest

from pipelines.objects.detections import Detections
from pipelines.objects.fusion import fuse_views, match_boxes, pairwise_iou

LEFT, RIGHT = (0.0, 0.0, 0.4, 0.4), (0.6, 0.6, 1.0, 1.0)


def detections(*rows: tuple[Sequence[float], int, float]) -> Detections:
    boxes = np.array([box for box, _, _ in rows], np.float32).reshape(-1, 4)
    return Detections(
        boxes, np.array([row[1] for row in rows], np.intp), np.array([row[2] for row in rows], np.float32)
    )


def test_scores_of_matching_boxes_are_averaged_by_weight() -> None:
    fused = fuse_views([detections((LEFT, 2, 0.8)), detections((LEFT, 2, 0.4))], [0.25, 0.75])

    assert fused.scores == pytest.approx([0.25 * 0.8 + 0.75 * 0.4])


def test_boxes_are_averaged_by_weight_and_score() -> None:
    wider = (0.0, 0.0, 0.5, 0.4)
    fused = fuse_views([detections((LEFT, 2, 0.8)), detections((wider, 2, 0.4))], [0.5, 0.5])

    assert fused.boxes[0] == pytest.approx((0, 0, (2 * 0.4 + 0.5) / 3, 0.4))


def test_a_view_that_misses_an_object_counts_as_zero() -> None:
    fused = fuse_views([detections((LEFT, 2, 0.8)), detections((RIGHT, 2, 0.6))], [0.5, 0.5])

    assert fused.scores == pytest.approx([0.4, 0.3])


def test_boxes_of_other_classes_do_not_match() -> None:
    fused = fuse_views([detections((LEFT, 2, 0.8)), detections((LEFT, 3, 0.6))], [0.5, 0.5])

    assert fused.classes.tolist() == [2, 3]


def test_each_box_matches_once_and_the_closest() -> None:
    near, nearer = (0.0, 0.0, 0.4, 0.32), (0.0, 0.0, 0.4, 0.39)

    rows, partners = match_boxes(detections((LEFT, 2, 0.8)), detections((near, 2, 0.9), (nearer, 2, 0.3)))

    assert (rows.tolist(), partners.tolist()) == ([0], [1])


@pytest.mark.parametrize("views", [[(), ()], [(), ((LEFT, 2, 0.8),)], [((LEFT, 2, 0.8),), ()]], ids=str)
def test_empty_views_are_fused(views: list[tuple[tuple[Sequence[float], int, float], ...]]) -> None:
    fused = fuse_views([detections(*view) for view in views], [0.5, 0.5])

    assert len(fused) == sum(map(len, views))


def test_a_fused_result_has_no_duplicates() -> None:
    """Averaged boxes can come to lie on each other."""
    one = detections(((0, 0, 0.4, 0.40), 2, 0.9), ((0, 0, 0.4, 0.22), 2, 0.2))
    other = detections(((0, 0, 0.4, 0.41), 2, 0.2), ((0, 0, 0.4, 0.38), 2, 0.9))

    assert len(fuse_views([one, other], [0.5, 0.5])) < 3


def test_overlap_of_halves_is_a_third() -> None:
    one, other = np.array([[0, 0, 2, 1]], np.float32), np.array([[1, 0, 3, 1]], np.float32)

    assert pairwise_iou(one, other) == pytest.approx(np.array([[1 / 3]]))
