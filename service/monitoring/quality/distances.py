"""Distances between two samples, corrected for chance: pure functions on counts and moments."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

MAX_BINS = 10
RARE_SHARE = 0.05  # a kind with a smaller share of the reference is counted as "other": its share is mostly chance
_PRIOR_COUNT = 0.5  # added to every count (Jeffreys' prior): an empty bin does not prove that a value is impossible


def psi(current: Counts, reference: Counts) -> float:
    """Population stability index over the same bins, less its expectation by chance; at least 0.

    Of two samples of one distribution, PSI is about (1/n + 1/m) times a chi-squared with B-1 degrees of freedom:
    B. Yurdakul, J. Naranjo, "Statistical properties of the population stability index", Journal of Risk Model
    Validation 14 (2020). Uncorrected, a window of 250 would show .045 of drift where there is none.
    """
    n, m = int(current.sum()), int(reference.sum())
    bins = int(((current + reference) > 0).sum())  # an empty bin counts neither in the sum nor in the chance term
    p = (current + _PRIOR_COUNT) / (n + _PRIOR_COUNT * len(current))
    q = (reference + _PRIOR_COUNT) / (m + _PRIOR_COUNT * len(reference))
    found = float(((p - q) * np.log(p / q)).sum())
    return max(0.0, found - (bins - 1) * (1 / n + 1 / m))


def group_neighbours(reference: Counts) -> list[list[int]]:
    """At most ten groups of neighbouring bins, roughly the tenths of the reference's values.

    Values beyond all of the reference's values keep bins of their own at both ends.
    """
    total = max(int(reference.sum()), 1)
    middles = (np.cumsum(reference) - reference / 2) / total
    tenths = np.minimum(MAX_BINS * middles, MAX_BINS - 1).astype(int)
    return [[int(bin) for bin in np.flatnonzero(tenths == tenth)] for tenth in np.unique(tenths)]


def group_rare(reference: Counts) -> list[list[int]]:
    """A group for each kind that is not rare, and one for all others."""
    is_rare = reference < RARE_SHARE * reference.sum()
    kept = [[int(bin)] for bin in np.flatnonzero(~is_rare)]
    others = [int(bin) for bin in np.flatnonzero(is_rare)]
    return [*kept, others] if others else kept


def join_bins(counts: Counts, groups: Sequence[Sequence[int]]) -> Counts:
    return np.array([counts[list(group)].sum() for group in groups], np.int64)


@dataclass(frozen=True)
class Moments:
    """Statistics of vectors that are not kept: their count, sum (D,), and the sum of their outer products (D, D)."""

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
    """Squared Mahalanobis distance of two means, divided by the number of dimensions.

    Of two samples of one distribution it is 1/n + 1/m on average (H. Hotelling, "The generalization of Student's
    ratio", 1931). A thousandth of the mean variance is added to the covariance, for directions without any.
    """
    dimensions, difference = len(mean), mean - other
    wider = covariance + np.eye(dimensions) * (1e-3 * np.trace(covariance) / dimensions + 1e-9)
    return float(difference @ np.linalg.solve(wider, difference)) / dimensions


def frechet(mean: Vector, covariance: Matrix, other_mean: Vector, other_covariance: Matrix) -> float:
    """Squared Frechet distance of two Gaussians: |m - m'|^2 + tr(C + C' - 2 (C C')^1/2).

    D. Dowson, B. Landau, "The Frechet distance between multivariate normal distributions", Journal of Multivariate
    Analysis 12 (1982); on a network's embeddings: M. Heusel and others, "GANs trained by a two time-scale update
    rule" (2017), the FID.
    """
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    overlap = np.sqrt(np.linalg.eigvalsh(root @ other_covariance @ root).clip(0)).sum()
    between_means = float(((mean - other_mean) ** 2).sum())
    return max(0.0, between_means + float(np.trace(covariance) + np.trace(other_covariance) - 2 * overlap))
