"""Pages turned and straightened: every point has its way back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.documents.coordinates import Rotation, Turn

ROTATIONS: tuple[Rotation, ...] = (0, 90, 180, 270)

turns = st.builds(
    Turn,
    st.integers(1, 3000),
    st.integers(1, 3000),
    st.sampled_from(ROTATIONS),
    st.floats(-10, 10).map(lambda skew: round(skew, 2)),
)


@given(turns, st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=5))
def test_points_come_back_to_where_they_were(turn: Turn, places: list[tuple[float, float]]) -> None:
    points = (np.array(places) * (turn.width, turn.height)).astype(np.float32)

    assert turn.undo(turn.forward(points)) == pytest.approx(points, abs=0.01)


@given(turns)
def test_the_whole_page_fits_on_the_upright_one(turn: Turn) -> None:
    corners = np.array([(0, 0), (turn.width, 0), (turn.width, turn.height), (0, turn.height)], np.float32)
    upright = turn.forward(corners)

    assert (upright.min() >= -0.01, bool((upright <= np.array(turn.size) + 0.01).all())) == (True, True)


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_the_pixels_go_where_the_points_go(rotation: Rotation) -> None:
    page = np.zeros((40, 70, 3), np.uint8)
    page[5, 60] = 255
    turn = Turn(70, 40, rotation)
    row, column = np.argwhere(turn.apply(page)[:, :, 0])[0]

    assert turn.undo(np.array([column + 0.5, row + 0.5], np.float32)).tolist() == [60.5, 5.5]


def test_a_straightened_rule_is_level() -> None:
    page = np.full((400, 600, 3), 255, np.uint8)
    turn = Turn(600, 400, 0, 5.0)
    for x in range(50, 550):
        page[round(180 + np.tan(np.radians(5)) * (x - 50)), x] = 0
    rows = np.argwhere(turn.apply(page)[:, :, 0] < 128)[:, 0]

    assert rows.max() - rows.min() <= 2


def test_a_box_is_mapped_back_within_the_page() -> None:
    assert Turn(600, 400, 90, 3.0).undo_box((-50.0, -50.0, 900.0, 900.0)) == (0.0, 0.0, 600.0, 400.0)
