"""How far two samples are apart, and how far chance alone puts them: pure functions on counts and moments."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

MOST_BINS = 10
RARE = 0.05  # a kind with less of the reference is counted as "other": its share would be mostly chance
_HALF = 0.5  # added to every count (Jeffreys' prior): an empty bin is no proof of an impossible value


def psi(current: Counts, reference: Counts) -> float:
    """Population stability index over the same bins, less what chance alone gives; 0 at least.

    Of two samples of one distribution, PSI is about (1/n + 1/m) times a chi-squared with B-1 degrees of freedom:
    B. Yurdakul, J. Naranjo, "Statistical properties of the population stability index", Journal of Risk Model
    Validation 14 (2020). Uncorrected, a window of 250 would show .045 of drift where there is none.
    """
    n, m = int(current.sum()), int(reference.sum())
    bins = int(((current + reference) > 0).sum())  # an empty one has no part in the sum, nor in what chance gives
    p = (current + _HALF) / (n + _HALF * len(current))
    q = (reference + _HALF) / (m + _HALF * len(reference))
    found = float(((p - q) * np.log(p / q)).sum())
    return max(0.0, found - (bins - 1) * (1 / n + 1 / m))


def neighbours_joined(reference: Counts) -> list[list[int]]:
    """Bins joined to at most ten by where their middle lies among the reference's values: by its tenths, about.

    What lies beyond all of the reference's values keeps bins of its own at both ends.
    """
    total = max(int(reference.sum()), 1)
    middles = (np.cumsum(reference) - reference / 2) / total
    tenths = np.minimum(MOST_BINS * middles, MOST_BINS - 1).astype(int)
    return [[int(place) for place in np.flatnonzero(tenths == one)] for one in np.unique(tenths)]


def rare_joined(reference: Counts) -> list[list[int]]:
    """The kinds that are not rare, and all others in one."""
    is_rare = reference < RARE * reference.sum()
    kept = [[int(place)] for place in np.flatnonzero(~is_rare)]
    others = [int(place) for place in np.flatnonzero(is_rare)]
    return [*kept, others] if others else kept


def joined(counts: Counts, bins: Sequence[Sequence[int]]) -> Counts:
    return np.array([counts[list(places)].sum() for places in bins], np.int64)


@dataclass(frozen=True)
class Moments:
    """Of vectors that are not kept: how many, their sum (D,), and the sum of their outer products (D, D)."""

    count: int
    total: Vector
    outer: Matrix

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(self.count + other.count, self.total + other.total, self.outer + other.outer)

    @property
    def mean(self) -> Vector:
        mean: Vector = self.total / self.count
        return mean

    @property
    def covariance(self) -> Matrix:
        covariance: Matrix = (self.outer - self.count * np.outer(self.mean, self.mean)) / (self.count - 1)
        return covariance


def mahalanobis(mean: Vector, other: Vector, covariance: Matrix) -> float:
    """Squared Mahalanobis distance of two means, over their dimensions.

    Of two samples of one distribution it is 1/n + 1/m on average (H. Hotelling, "The generalization of Student's
    ratio", 1931). The covariance is widened by a thousandth of its mean variance, for directions that are empty.
    """
    dimensions, apart = len(mean), mean - other
    wider = covariance + np.eye(dimensions) * (1e-3 * np.trace(covariance) / dimensions + 1e-9)
    return float(apart @ np.linalg.solve(wider, apart)) / dimensions


def frechet(mean: Vector, covariance: Matrix, other_mean: Vector, other_covariance: Matrix) -> float:
    """Squared Frechet distance of two Gaussians: |m - m'|^2 + tr(C + C' - 2 (C C')^1/2).

    D. Dowson, B. Landau, "The Frechet distance between multivariate normal distributions", Journal of Multivariate
    Analysis 12 (1982); on a network's embeddings: M. Heusel and others, "GANs trained by a two time-scale update
    rule" (2017), the FID.
    """
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    overlap = np.sqrt(np.linalg.eigvalsh(root @ other_covariance @ root).clip(0)).sum()
    apart = float(((mean - other_mean) ** 2).sum())
    return max(0.0, apart + float(np.trace(covariance) + np.trace(other_covariance) - 2 * overlap))
