"""Scores become chances, and only what is certain enough becomes a statement with a number."""

import numpy as np
import pytest

from pipelines.objects.calibration import CALIBRATION, gather_evidence
from pipelines.objects.detections import Detections
from pipelines.objects.statements import COUNTED_FROM, CROWD, MANY, count_objects, state_labels

PERSON, DOG, CAT = 0, 16, 15


def detections(*rows: tuple[int, float], apart: bool = True) -> Detections:
    """Boxes side by side, or all at one place, the best score first."""
    order = sorted(rows, key=lambda row: -row[1])
    boxes = [(n / 50, 0, (n + 1) / 50, 1) if apart else (0, 0, 1, 1) for n in range(len(order))]
    classes, scores = ([row[side] for row in order] for side in (0, 1))
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4), np.array(classes, np.intp), np.array(scores, np.float32)
    )


def count(found: Detections, precision: float = 0.95) -> dict[int, int]:
    chances = CALIBRATION.rate_boxes(found)
    stated = state_labels(found, CALIBRATION, precision=precision)
    return {label: count_objects(chances[found.classes == label]) for label in stated}


@pytest.mark.parametrize("label", [PERSON, DOG])
def test_chances_rise_with_scores(label: int) -> None:
    found = detections(*((label, score) for score in np.linspace(0.02, 0.98, 49)))

    chances = CALIBRATION.rate_boxes(found)
    assert (np.diff(chances) < 0).all()
    assert chances[0] < 1
    assert chances[-1] > 0


def test_a_second_object_makes_a_label_more_certain() -> None:
    alone, together = detections((DOG, 0.4)), detections((DOG, 0.4), (DOG, 0.3))

    assert CALIBRATION.rate_labels(gather_evidence(together)) > CALIBRATION.rate_labels(gather_evidence(alone))


def test_a_rival_at_the_same_place_makes_a_label_less_certain() -> None:
    apart, rivals = (gather_evidence(detections((DOG, 0.5), (CAT, 0.4), apart=one)) for one in (True, False))

    assert CALIBRATION.rate_labels(rivals)[1] < CALIBRATION.rate_labels(apart)[1]


def test_evidence_names_best_second_and_rival() -> None:
    evidence = gather_evidence(detections((DOG, 0.5), (CAT, 0.4), (DOG, 0.25), apart=False))

    assert evidence.classes.tolist() == [CAT, DOG]
    assert evidence.best == pytest.approx([0.4, 0.5])
    assert evidence.second == pytest.approx([0, 0.25])
    assert evidence.rival == pytest.approx([0.5, 0.4])


def test_nothing_found_is_nothing_stated() -> None:
    assert count(detections()) == {}


def test_weak_labels_are_not_stated() -> None:
    assert count(detections((PERSON, 0.8), (DOG, 0.2))) == {PERSON: 1}


def test_labels_stand_in_order_of_certainty() -> None:
    assert list(count(detections((PERSON, 0.7), (DOG, 0.9)))) == [DOG, PERSON]


def test_higher_precision_states_less() -> None:
    found = detections(*((label, 0.25 + label / 60) for label in range(40)))

    stated = [len(count(found, precision)) for precision in (0.8, 0.9, 0.95, 0.98, 0.99)]
    assert stated == sorted(stated, reverse=True)
    assert stated[0] > stated[-1] > 0


def test_cuts_rise_with_precision() -> None:
    assert CALIBRATION.choose_cut(0.9) < CALIBRATION.choose_cut(0.925) < CALIBRATION.choose_cut(0.95)


def test_only_boxes_that_are_likely_count() -> None:
    found = detections((PERSON, 0.8), (PERSON, 0.7), (PERSON, 0.2))

    assert (CALIBRATION.rate_boxes(found) >= COUNTED_FROM).tolist() == [True, True, False]
    assert count(found) == {PERSON: 2}


def test_a_stated_label_counts_one_at_least() -> None:
    found = detections(*((PERSON, 0.34),) * 3)

    assert CALIBRATION.rate_boxes(found).max() < COUNTED_FROM
    assert count(found, 0.8) == {PERSON: 1}


def test_many_weak_boxes_are_a_crowd() -> None:
    found = detections((PERSON, 0.9), *((PERSON, 0.3),) * 14)

    assert CALIBRATION.rate_boxes(found).sum() > CROWD
    assert count(found) == {PERSON: MANY}


def test_a_clear_crowd_has_its_number() -> None:
    assert count(detections(*((PERSON, 0.9),) * 9)) == {PERSON: 9}
