"""What is kept of activations: a few numbers for each kernel, however many pictures they come from."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.session import Array

Doubles = NDArray[np.float64]

_NEAR = 1e-4  # of a ceiling: so close to it is at it


@dataclass(frozen=True, slots=True, eq=False)
class Activations:
    """Of `values` numbers per kernel: (kernels,) each. `spread` is the sum of squared distances from the mean."""

    values: int
    mean: Doubles
    spread: Doubles
    low: Doubles
    high: Doubles
    active: Doubles  # how many are above zero
    full: Doubles  # how many are at the ceiling, where there is one

    @classmethod
    def of(cls, seen: Array, ceiling: float | None) -> Self:
        """`seen` is (N, kernels, height, width)."""
        rows = seen.swapaxes(0, 1).reshape(seen.shape[1], -1)
        mean = rows.mean(1, dtype=np.float64)
        return cls(
            values=rows.shape[1],
            mean=mean,
            spread=np.square(rows - mean[:, None].astype(rows.dtype)).sum(1, dtype=np.float64),
            low=rows.min(1).astype(np.float64),
            high=rows.max(1).astype(np.float64),
            active=_count(rows > 0),
            full=np.zeros_like(mean) if ceiling is None else _count(rows >= ceiling * (1 - _NEAR)),
        )

    def and_of(self, other: Self) -> Self:
        """Both together, as if seen at once (T. Chan, G. Golub and R. LeVeque, 1979)."""
        values, apart = self.values + other.values, other.mean - self.mean
        return type(self)(
            values=values,
            mean=self.mean + apart * (other.values / values),
            spread=self.spread + other.spread + np.square(apart) * (self.values * other.values / values),
            low=np.minimum(self.low, other.low),
            high=np.maximum(self.high, other.high),
            active=self.active + other.active,
            full=self.full + other.full,
        )

    @property
    def deviation(self) -> Doubles:
        return np.sqrt(self.spread / self.values)

    @property
    def dead(self) -> NDArray[np.bool_]:
        """Kernels that always say the same: behind a ReLU mostly zero, never active."""
        span = self.high - self.low
        still: NDArray[np.bool_] = span <= 1e-5 * max(float(span.max()), 1e-12)
        return still


def _count(which: NDArray[np.bool_]) -> Doubles:
    counted: Doubles = np.count_nonzero(which, axis=1).astype(np.float64)
    return counted
