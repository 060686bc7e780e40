"""Candidates select, concatenate and suppress boxes, scores and landmarks together."""

import numpy as np
import pytest

from pipelines.faces.candidates import Candidates


def make_candidates(count: int, first: int = 0) -> Candidates:
    """Boxes that do not overlap, the best last; the landmarks of each are its number."""
    numbers = np.arange(first, first + count, dtype=np.float32)
    corners = np.stack([100 * numbers, numbers, 100 * numbers + 30, numbers + 50], axis=1)
    return Candidates(corners, (numbers + 1) * np.float32(0.01), np.tile(numbers[:, None, None], (1, 5, 2)))


def test_suppressed_candidates_keep_their_landmarks_best_first() -> None:
    twice = Candidates.concatenate([make_candidates(3), make_candidates(3)]).suppress_overlaps(iou=0.5)

    assert twice.landmarks[:, 0, 0].tolist() == [2, 1, 0]


@pytest.mark.parametrize("counts", [(0,), (3,), (0, 2), (1, 0, 2)], ids=str)
def test_concatenated_candidates_keep_the_order_of_their_parts(counts: tuple[int, ...]) -> None:
    starts = np.cumsum((0, *counts[:-1])).tolist()

    whole = Candidates.concatenate([make_candidates(count, first) for count, first in zip(counts, starts, strict=True)])

    assert len(whole) == sum(counts)
    assert whole.landmarks[:, 4, 1].tolist() == list(range(sum(counts)))


def test_empty_candidates_have_the_usual_shapes() -> None:
    none = Candidates.empty().suppress_overlaps(iou=0.5)

    assert none.boxes.shape == (0, 4)  # fmt: skip
    assert none.landmarks.shape == (0, 5, 2)
    assert none.centres.shape == (0, 2)
    assert none.sides.shape == (0,)


def test_a_selection_takes_the_same_rows_of_every_array() -> None:
    chosen = make_candidates(5)[np.array([True, False, False, True, False])]

    assert chosen.boxes[:, 1].tolist() == [0, 3]
    assert chosen.landmarks[:, 0, 0].tolist() == [0, 3]
    assert chosen.scores == pytest.approx([0.01, 0.04])


def test_centres_and_sides_are_those_of_the_boxes() -> None:
    found = Candidates(np.array([[0, 0, 4, 9], [5, 5, 5, 9], [8, 0, 2, 6]], np.float32), np.ones(3, np.float32),
                       np.zeros((3, 5, 2), np.float32))  # fmt: skip

    assert found.centres.tolist() == [[2, 4.5], [5, 7], [5, 3]]
    assert found.sides.tolist() == [6, 0, 0]
