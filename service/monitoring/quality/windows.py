"""Sliding windows over the last few hundred observations, as sums of slices: a new slice replaces the oldest."""

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from service.monitoring.quality.distances import Counts, Matrix, Moments, Vector

SLICES = 5
DIMENSIONS = 64
SEED = 20240501  # of the projection: part of a reference's format


class SlidingSlices:
    """Assigns observations to slices: a window of 500 holds the last 401 to 500 observations."""

    def __init__(self, window: int) -> None:
        self._size, self._in_slice, self.slice = window // SLICES, 0, 0

    def advance(self) -> bool:
        """Count one observation; True where it begins a new slice, which must be emptied first."""
        is_full = self._in_slice == self._size
        if is_full:
            self.slice, self._in_slice = (self.slice + 1) % SLICES, 0
        self._in_slice += 1
        return is_full


class CountsWindow:
    def __init__(self, bins: int, window: int) -> None:
        self._counts, self._slices = np.zeros((SLICES, bins), np.int64), SlidingSlices(window)

    def add(self, bin: int) -> None:
        if self._slices.advance():
            self._counts[self._slices.slice] = 0
        self._counts[self._slices.slice, bin] += 1

    @property
    def counts(self) -> Counts:
        counts: Counts = self._counts.sum(0)
        return counts


@dataclass
class MomentsSum:
    """Accumulates moments."""

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
        self._sums, self._slices = [MomentsSum() for _ in range(SLICES)], SlidingSlices(window)

    def add(self, vector: Vector) -> None:
        if self._slices.advance():
            self._sums[self._slices.slice] = MomentsSum()
        self._sums[self._slices.slice].add(vector)

    @property
    def moments(self) -> Moments:
        first, *others = (sums.moments for sums in self._sums)
        return sum(others, first)


def project_embedding(embedding: NDArray[np.float32]) -> Vector:
    """(C,) to a unit vector, then to (64,), by a fixed Gaussian matrix that keeps distances within some 10 %.

    W. Johnson, J. Lindenstrauss, "Extensions of Lipschitz mappings into a Hilbert space" (1984). A covariance of all
    1280 channels would cost a request 2 ms and 13 MB of sums, and a window of 500 could not fill it.
    """
    length = max(float(np.linalg.norm(embedding)), 1e-12)
    projected: Vector = (embedding @ _projection(len(embedding))).astype(np.float64) / length
    return projected


@cache
def _projection(channels: int) -> NDArray[np.float32]:
    # RandomState: the only generator of NumPy whose numbers are promised to stay the same in every version.
    normal = np.random.RandomState(SEED).standard_normal((channels, DIMENSIONS))
    matrix: NDArray[np.float32] = (normal / DIMENSIONS**0.5).astype(np.float32)
    return matrix
