"""Numbers are stated as exact only where they are likely, and else as the smallest that is certain."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.counting import DEFAULT_PRECISION, state_number

CHANCES = st.lists(st.floats(0, 1), max_size=7)


@pytest.mark.parametrize(
    ("chances", "stated"),
    [
        ([], (0, True)),
        ([0.99], (1, True)),
        ([0.99, 0.95], (2, True)),
        ([0.99, 0.5], (1, False)),
        ([0.99, 0.97, 0.96, 0.5, 0.4], (3, False)),
        ([0.05] * 30, (0, True)),
        ([0.6], (0, False)),
        ([0.1, 0.1], (0, True)),
    ],
)
def test_the_number_follows_from_the_chances(chances: list[float], stated: tuple[int, bool]) -> None:
    assert state_number(chances) == stated


@pytest.mark.parametrize(
    ("precision", "stated"), [(0.8, (3, True)), (0.9, (3, True)), (0.95, (2, False)), (0.99, (1, False))]
)
def test_a_higher_precision_states_a_smaller_number(precision: float, stated: tuple[int, bool]) -> None:
    assert state_number([0.99, 0.97, 0.75], precision) == stated


@given(chances=CHANCES)
def test_a_smallest_number_is_certain(chances: list[float]) -> None:
    number, is_exact = state_number(chances)

    certain = sum(
        np.prod([chance if is_there else 1 - chance for chance, is_there in zip(chances, there, strict=True)])
        for there in product([False, True], repeat=len(chances))
        if sum(there) >= number
    )
    assert is_exact or certain >= DEFAULT_PRECISION - 1e-9


@given(chances=CHANCES)
def test_the_order_of_the_chances_does_not_matter(chances: list[float]) -> None:
    assert state_number(chances) == state_number(np.array(chances[::-1]))
