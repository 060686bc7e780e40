"""Near-duplicates among training images: they would stand on both sides of a cross-validation and flatter it."""

import numpy as np
from numpy.typing import NDArray

# Different photographs of one kind of thing stay under .85, a copy in another size or quality is over this.
COSINE = 0.98

_ROWS_AT_ONCE = 1024

Pairs = NDArray[np.int64]


def duplicates(directions: NDArray[np.float64]) -> Pairs:
    """(P, 2) row numbers, the smaller one first, of vectors of unit length (N, C) that nearly coincide."""
    found = [np.empty((0, 2), np.int64)]
    for first in range(0, len(directions), _ROWS_AT_ONCE):
        cosines = directions[first : first + _ROWS_AT_ONCE] @ directions.T
        rows, others = np.nonzero(cosines > COSINE)
        pairs = np.stack([rows + first, others], axis=1)
        found.append(pairs[pairs[:, 0] < pairs[:, 1]])
    return np.concatenate(found)


def groups_of(pairs: Pairs, count: int) -> NDArray[np.int64]:
    """(N,) a number for each row, the same for rows that pairs join, be it over others."""
    groups = np.arange(count)
    for first, second in pairs:
        groups[groups == groups[second]] = groups[first]
    return groups


def in_words(pairs: Pairs, labels: NDArray[np.int64]) -> list[str]:
    """What to tell of them: one line for those across the classes, one for those within."""
    is_across = labels[pairs[:, 0]] != labels[pairs[:, 1]]
    across, within = (len(np.unique(pairs[chosen])) for chosen in (is_across, ~is_across))
    lines = []
    if across:
        lines.append(f"{across} images nearly coincide with one of the other kind: is each in the right place?")
    if within:
        lines.append(f"{within} images nearly coincide with another of their kind: they teach little")
    return lines
