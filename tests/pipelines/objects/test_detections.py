"""A detector's outputs become labelled boxes, each object once."""

import numpy as np
import pytest

from pipelines.objects.detections import MAX_PROPOSALS, MIN_SCORE, Detections, decode_outputs

BOX = (0.1, 0.2, 0.4, 0.6)


def outputs_of(*cells: tuple[tuple[float, float, float, float], dict[int, float]]) -> dict[str, np.ndarray]:
    scores = np.zeros((len(cells), 80), np.float32)
    for row, (_, classes) in enumerate(cells):
        scores[row, list(classes)] = list(classes.values())
    return {"boxes": np.array([box for box, _ in cells], np.float32).reshape(-1, 4), "scores": scores}


def test_boxes_leave_the_padding_of_their_canvas() -> None:
    found = decode_outputs(outputs_of(((0.1, 0.2, 0.4, 0.6), {3: 0.9})), width=0.5, height=0.8)

    assert found.boxes[0] == pytest.approx((0.2, 0.25, 0.8, 0.75))


def test_boxes_end_at_the_picture() -> None:
    found = decode_outputs(outputs_of(((-0.1, 0.2, 1.4, 0.6), {3: 0.9})))

    assert found.boxes[0] == pytest.approx((0, 0.2, 1, 0.6))


def test_boxes_beside_the_picture_are_dropped() -> None:
    assert len(decode_outputs(outputs_of(((0.6, 0.2, 0.9, 0.6), {3: 0.9})), width=0.5)) == 0


def test_one_cell_can_show_two_classes() -> None:
    found = decode_outputs(outputs_of((BOX, {3: 0.4, 7: 0.6})))

    assert found.classes.tolist() == [7, 3]
    assert found.scores == pytest.approx([0.6, 0.4])


def test_weak_scores_are_no_detections() -> None:
    assert len(decode_outputs(outputs_of((BOX, {3: MIN_SCORE * 0.99})))) == 0


def test_no_cells_give_no_detections() -> None:
    assert len(decode_outputs(outputs_of())) == 0


def test_an_object_that_two_cells_show_is_one() -> None:
    found = decode_outputs(outputs_of((BOX, {3: 0.7}), ((0.11, 0.2, 0.41, 0.6), {3: 0.8})))

    assert found.scores == pytest.approx([0.8])


def test_neighbours_of_one_class_stay_two() -> None:
    found = decode_outputs(outputs_of((BOX, {3: 0.7}), ((0.2, 0.2, 0.5, 0.6), {3: 0.8})))

    assert found.scores == pytest.approx([0.8, 0.7])


def test_the_best_proposals_stay_of_too_many() -> None:
    edges = np.linspace(0, 0.9, MAX_PROPOSALS + 50)
    cells = [((edge, 0.1, edge + 1e-4, 0.2), {1: 0.1 + 0.8 * edge}) for edge in edges]

    found = decode_outputs(outputs_of(*cells))

    assert len(found) == MAX_PROPOSALS
    assert found.scores[-1] == pytest.approx(0.1 + 0.8 * edges[50], abs=1e-6)


def test_classes_do_not_suppress_each_other() -> None:
    same = Detections(np.array([BOX] * 3, np.float32), np.array([0, 79, 0]), np.array([0.5, 0.6, 0.7], np.float32))

    assert same.suppress_duplicates().classes.tolist() == [0, 79]
