"""Finds near-duplicates among training images, which would flatter a cross-validation if on both of its sides."""

import numpy as np
from numpy.typing import NDArray

# Different photographs of one kind of thing stay under .85, a copy in another size or quality is over this.
MIN_COSINE = 0.98

_ROWS_AT_ONCE = 1024

Pairs = NDArray[np.int64]


def find_near_duplicates(directions: NDArray[np.float64]) -> Pairs:
    """(P, 2) row numbers, the smaller one first, of vectors (N, C) of unit length that nearly coincide."""
    found = [np.empty((0, 2), np.int64)]
    for first in range(0, len(directions), _ROWS_AT_ONCE):
        cosines = directions[first : first + _ROWS_AT_ONCE] @ directions.T
        rows, others = np.nonzero(cosines > MIN_COSINE)
        pairs = np.stack([rows + first, others], axis=1)
        found.append(pairs[pairs[:, 0] < pairs[:, 1]])
    return np.concatenate(found)


def group_pairs(pairs: Pairs, count: int) -> NDArray[np.int64]:
    """(N,) a group number for each row, the same for rows that pairs join directly or through others."""
    groups = np.arange(count)
    for first, second in pairs:
        groups[groups == groups[second]] = groups[first]
    return groups


def describe_near_duplicates(pairs: Pairs, labels: NDArray[np.int64]) -> list[str]:
    """Warnings for a report: one for pairs across the classes, one for pairs within a class."""
    is_across = labels[pairs[:, 0]] != labels[pairs[:, 1]]
    across, within = (len(np.unique(pairs[chosen])) for chosen in (is_across, ~is_across))
    lines = []
    if across:
        lines.append(f"{across} images nearly coincide with one of the other kind: is each in the right place?")
    if within:
        lines.append(f"{within} images nearly coincide with another of their kind: they teach little")
    return lines
