"""Pages made upright: every point maps to its place and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.documents.coordinates import PageTransform, Rotation

ROTATIONS: tuple[Rotation, ...] = (0, 90, 180, 270)

transforms = st.builds(
    PageTransform,
    st.integers(1, 3000),
    st.integers(1, 3000),
    st.sampled_from(ROTATIONS),
    st.floats(-10, 10).map(lambda skew: round(skew, 2)),
)


@given(transforms, st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=5))
def test_points_map_to_the_upright_page_and_back(
    transform: PageTransform, fractions: list[tuple[float, float]]
) -> None:
    points = (np.array(fractions) * (transform.width, transform.height)).astype(np.float32)

    assert transform.to_original(transform.to_upright(points)) == pytest.approx(points, abs=0.01)


@given(transforms)
def test_the_upright_page_holds_the_whole_page(transform: PageTransform) -> None:
    corners = np.array(
        [(0, 0), (transform.width, 0), (transform.width, transform.height), (0, transform.height)], np.float32
    )
    upright = transform.to_upright(corners)

    assert upright.min() >= -0.01
    assert (upright <= np.array(transform.upright_size) + 0.01).all()


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_pixels_and_points_map_alike(rotation: Rotation) -> None:
    page = np.zeros((40, 70, 3), np.uint8)
    page[5, 60] = 255
    transform = PageTransform(70, 40, rotation)
    row, column = np.argwhere(transform.warp(page)[:, :, 0])[0]

    assert transform.to_original(np.array([column + 0.5, row + 0.5], np.float32)).tolist() == [60.5, 5.5]


def test_a_straightened_rule_is_level() -> None:
    page = np.full((400, 600, 3), 255, np.uint8)
    transform = PageTransform(600, 400, 0, 5.0)
    for x in range(50, 550):
        page[round(180 + np.tan(np.radians(5)) * (x - 50)), x] = 0
    rows = np.argwhere(transform.warp(page)[:, :, 0] < 128)[:, 0]

    assert rows.max() - rows.min() <= 2


def test_a_box_is_mapped_back_within_the_page() -> None:
    assert PageTransform(600, 400, 90, 3.0).box_to_original((-50.0, -50.0, 900.0, 900.0)) == (0.0, 0.0, 600.0, 400.0)
