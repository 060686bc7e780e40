"""The pose of a head that is turned by known angles and projected without perspective."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipelines.faces.candidates import Floats
from pipelines.faces.pose import HEAD_POINTS, estimate_head_poses

angles = st.floats(-60, 60)


def turn_head(yaw: float, pitch: float, roll: float) -> NDArray[np.float64]:
    """A head (x right, y down, z away) that nods up, then turns to the right of the image, then leans clockwise."""
    (y, p, r) = np.radians([yaw, pitch, roll])
    nod = [[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]]
    turn = [[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]]
    lean = [[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]]
    return np.array(HEAD_POINTS @ (np.array(lean) @ turn @ nod).T)


def project(head: NDArray[np.float64], *, scale: float = 1.0, shift: tuple[float, float] = (0, 0)) -> Floats:
    """Project orthographically: drop the depth."""
    return (head[:, :2] * scale + shift).astype(np.float32)


def estimate_pose(points: Floats) -> tuple[float, float, float]:
    """Yaw, pitch and roll of a single face."""
    yaw, pitch, roll = estimate_head_poses(points[None])[0].tolist()
    return yaw, pitch, roll


@given(
    yaw=angles,
    pitch=angles,
    roll=st.floats(-180, 180),
    scale=st.floats(0.05, 20),
    shift=st.tuples(st.floats(-500, 3000), st.floats(-500, 3000)),
)
@example(yaw=0, pitch=0, roll=0, scale=1, shift=(0, 0))
@example(yaw=60, pitch=-60, roll=180, scale=0.05, shift=(3000, 3000))
def test_known_angles_are_recovered_at_any_size_and_place(
    yaw: float, pitch: float, roll: float, scale: float, shift: tuple[float, float]
) -> None:
    found = estimate_pose(project(turn_head(yaw, pitch, roll), scale=scale, shift=shift))

    difference = np.abs(np.array(found) - (yaw, pitch, roll))
    assert max(*difference[:2], min(difference[2], 360 - difference[2])) <= 1


def test_a_face_that_looks_straight_out_has_no_angles() -> None:
    assert estimate_pose(project(HEAD_POINTS)) == pytest.approx((0, 0, 0), abs=0.1)


@pytest.mark.parametrize(
    ("direction", "angle"), [((9, 0), 0), ((-9, 0), 0), ((0, -9), 1), ((0, 9), 1)], ids=["right", "left", "up", "down"]
)
def test_a_face_looks_where_its_nose_points(direction: tuple[int, int], angle: int) -> None:
    points = project(HEAD_POINTS)
    points[2] += direction

    pose = estimate_pose(points)

    sign = np.sign(direction[0]) if direction[0] else -np.sign(direction[1])  # up is positive
    assert np.sign(pose[angle]) == sign
    assert abs(pose[angle]) > 5


@pytest.mark.parametrize("yaw", [-85.0, -70.0, 70.0, 85.0])
def test_near_profile_the_sign_is_right(yaw: float) -> None:
    assert np.sign(estimate_pose(project(turn_head(yaw, 0, 0)))[0]) == np.sign(yaw)


@given(st.lists(st.tuples(st.integers(-40, 40), st.integers(-40, 40)), min_size=5, max_size=5))
@example([(0, 0)] * 5)
@example([(7, -7)] * 5)
@example([(0, 0), (1, 0), (2, 0), (3, 0), (4, 0)])
@example([(0, 0), (0, 0), (0, 9), (0, 20), (0, 20)])
@example([(5, 5), (5, 5), (0, 9), (-3, 20), (8, 20)])
def test_any_landmarks_give_angles_within_a_circle(points: list[tuple[int, int]]) -> None:
    pose = estimate_pose(np.array(points, np.float32))

    assert all(abs(angle) <= 180 for angle in pose)  # false for NaN


def test_each_of_many_faces_has_its_own_pose() -> None:
    several = [(20, 10, 5), (-40, 0, 170), (0, -30, -90)]

    found = estimate_head_poses(np.stack([project(turn_head(*one)) for one in several]))

    assert found == pytest.approx(np.array(several), abs=0.1)


def test_no_faces_have_no_poses() -> None:
    assert estimate_head_poses(np.zeros((0, 5, 2), np.float32)).shape == (0, 3)
