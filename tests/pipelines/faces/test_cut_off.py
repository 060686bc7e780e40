"""How much of a face is outside, from its box: a whole one is 74 x 100, the picture 400 x 300."""

import numpy as np
import pytest

from pipelines.faces.cut_off import measure_outside


def measure(*box: float, yaw: float = 0.0, roll: float = 0.0) -> float:
    shares = measure_outside(np.array([box], float), np.array([yaw]), np.array([roll]), width=400, height=300)
    return float(shares[0])


CUT_BY_HALF = {
    "left": (0, 100, 37, 200),
    "top": (100, 0, 174, 50),
    "right": (363, 100, 400, 200),
    "bottom": (100, 250, 174, 300),
    "right, with a box that reaches beyond": (363, 100, 437, 200),
    "left, with a box that reaches beyond": (-37, 100, 37, 200),
    "left, with a box that ends a pixel before": (1, 100, 38, 200),
}


@pytest.mark.parametrize("box", CUT_BY_HALF.values(), ids=CUT_BY_HALF)
def test_half_of_a_face_is_outside(box: tuple[float, ...]) -> None:
    assert measure(*box) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("box", [(100, 100, 174, 200), (0, 100, 74, 200), (326, 200, 400, 300), (0, 0, 74, 100)])
def test_a_face_of_the_usual_shape_is_whole(box: tuple[float, ...]) -> None:
    assert measure(*box) == pytest.approx(0.0, abs=0.01)


def test_a_box_that_reaches_further_than_a_whole_face_is_believed() -> None:
    assert measure(-111, 100, 37, 200) == pytest.approx(0.75)


def test_a_narrow_face_away_from_the_border_is_whole() -> None:
    assert measure(100, 100, 140, 200) == 0


def test_a_profile_is_narrower() -> None:
    assert measure(0, 100, 67, 200, yaw=60) == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("roll", [90.0, -90.0])
def test_a_face_on_its_side_is_wider_than_high(roll: float) -> None:
    assert measure(0, 100, 100, 174, roll=roll) == pytest.approx(0.0, abs=0.01)


def test_no_faces_have_no_shares() -> None:
    none = np.empty(0)
    assert measure_outside(np.empty((0, 4)), none, none, width=400, height=300).shape == (0,)
