"""Numbers of things that may be stated, from the chance of each that it is one."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

DEFAULT_PRECISION = 0.95  # the share of statements that is to be right
# The chance that a number is wrong, at most, relative to that of a smallest number: the most likely number is right
# more often than its chance says.
EXACT_SLACK = 4
SMALLEST_CHANCE = 0.1  # candidates under it are doubles of others, or nothing


def state_number(
    chances: Sequence[float] | NDArray[np.floating], precision: float = DEFAULT_PRECISION
) -> tuple[int, bool]:
    """The number that may be stated of candidates with these `chances` (N,), 0-1, and whether it is exact.

    One that is not exact is a smallest number of which `precision` are right, 0 where not even one is certain. The
    chances of each number follow as if the candidates did not depend on each other (the Poisson binomial distribution).
    """
    numbers = np.ones(1)
    for chance in chances:
        if chance >= SMALLEST_CHANCE:
            numbers = np.convolve(numbers, [1 - chance, chance])
    likely = int(numbers.argmax())
    if 1 - numbers[likely] <= EXACT_SLACK * (1 - precision):
        return likely, True
    at_least = np.cumsum(numbers[::-1])[::-1]
    return int(np.flatnonzero(at_least >= precision)[-1]), False
