"""The last few hundred observations, as sums over slices of them: the oldest slice goes when a new one begins."""

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from service.monitoring.quality.distances import Counts, Matrix, Moments, Vector

SLICES = 5
DIMENSIONS = 64
SEED = 20240501  # of the projection: part of a reference's format


class Turn:
    """Which slice the next observation belongs to: a window of 500 holds the last 401 to 500."""

    def __init__(self, window: int) -> None:
        self._size, self._in_slice, self.slice = window // SLICES, 0, 0

    def next(self) -> bool:
        """Count one observation; True when the slice that it belongs to has just begun and must be emptied."""
        begins = self._in_slice == self._size
        if begins:
            self.slice, self._in_slice = (self.slice + 1) % SLICES, 0
        self._in_slice += 1
        return begins


class CountsWindow:
    def __init__(self, bins: int, window: int) -> None:
        self._counts, self._turn = np.zeros((SLICES, bins), np.int64), Turn(window)

    def add(self, bin: int) -> None:
        if self._turn.next():
            self._counts[self._turn.slice] = 0
        self._counts[self._turn.slice, bin] += 1

    @property
    def counts(self) -> Counts:
        counts: Counts = self._counts.sum(0)
        return counts


@dataclass
class Sums:
    """Moments that grow."""

    count: int = 0
    total: Vector = field(default_factory=lambda: np.zeros(DIMENSIONS))
    outer: Matrix = field(default_factory=lambda: np.zeros((DIMENSIONS, DIMENSIONS)))

    def add(self, vector: Vector) -> None:
        self.count += 1
        self.total += vector
        self.outer += np.multiply.outer(vector, vector)

    @property
    def moments(self) -> Moments:
        return Moments(self.count, self.total.copy(), self.outer.copy())


class MomentsWindow:
    def __init__(self, window: int) -> None:
        self._sums, self._turn = [Sums() for _ in range(SLICES)], Turn(window)

    def add(self, vector: Vector) -> None:
        if self._turn.next():
            self._sums[self._turn.slice] = Sums()
        self._sums[self._turn.slice].add(vector)

    @property
    def moments(self) -> Moments:
        first, *others = (sums.moments for sums in self._sums)
        return sum(others, first)


def projected(embedding: NDArray[np.float32]) -> Vector:
    """(C,) to a unit vector and on to (64,), by a fixed Gaussian matrix that keeps distances within some 10 %.

    W. Johnson, J. Lindenstrauss, "Extensions of Lipschitz mappings into a Hilbert space" (1984). A covariance of all
    1280 channels would cost a request 2 ms and 13 MB of sums, and a window of 500 could not fill it.
    """
    length = max(float(np.linalg.norm(embedding)), 1e-12)
    small: Vector = (embedding @ _projection(len(embedding))).astype(np.float64) / length
    return small


@cache
def _projection(channels: int) -> NDArray[np.float32]:
    # RandomState: the only generator of NumPy whose numbers are promised to stay the same in every version.
    drawn = np.random.RandomState(SEED).standard_normal((channels, DIMENSIONS))
    matrix: NDArray[np.float32] = (drawn / DIMENSIONS**0.5).astype(np.float32)
    return matrix
