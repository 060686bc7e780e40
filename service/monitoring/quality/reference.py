"""References: the histograms and moments of normal traffic, captured from requests or a folder of images."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from service.monitoring.quality.distances import Counts, Moments, Vector, frechet, mahalanobis
from service.monitoring.quality.subjects import DriftSubject
from service.monitoring.quality.windows import DIMENSIONS, MomentsSum

ReferenceSource = Literal["first answers", "traffic", "folder"]
MIN_OBSERVATIONS = 250  # of a reference: with fewer, chance alone looks like drift
# Of unit vectors. Below this the halves are the same picture over and over, and cannot serve as a scale.
_MIN_HALVES_DISTANCE = 1.0


class ReferenceValue(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class DriftDistances:
    """Distances of embeddings to a reference, relative to the distances between its two halves: 1 is normal."""

    means: float
    everything: float

    @property
    def larger(self) -> float:
        return max(self.means, self.everything)


class NormalDistribution(ReferenceValue):
    """Projected embeddings as one Gaussian, and the distances between the two halves of the reference.

    Both distances, Mahalanobis between the means and Frechet, are divided by what chance gives for the halves' sizes.
    """

    count: int
    mean: list[float] = Field(min_length=DIMENSIONS, max_length=DIMENSIONS)
    covariance: list[list[float]] = Field(min_length=DIMENSIONS, max_length=DIMENSIONS)
    means_apart: float
    all_apart: float

    @classmethod
    def from_halves(cls, first: Moments, second: Moments) -> "NormalDistribution":
        both, chance = first + second, 1 / first.count + 1 / second.count
        return cls(
            count=both.count,
            mean=both.mean.tolist(),
            covariance=both.covariance.tolist(),
            means_apart=mahalanobis(first.mean, second.mean, both.covariance) / chance,
            all_apart=frechet(first.mean, first.covariance, second.mean, second.covariance) / chance,
        )

    def distances_to(self, current: Moments) -> "DriftDistances":
        chance, mean, covariance = 1 / current.count + 1 / self.count, np.array(self.mean), np.array(self.covariance)
        means = mahalanobis(current.mean, mean, covariance) / chance
        everything = frechet(mean, covariance, current.mean, current.covariance) / chance
        return DriftDistances(
            means / max(self.means_apart, 1.0), everything / max(self.all_apart, _MIN_HALVES_DISTANCE)
        )


class Reference(ReferenceValue):
    """`counts` by signal, in the signal's bins; `format` changes with those bins and with the projection."""

    format: Literal[1] = 1
    subject: str
    fingerprint: str
    captured_at: AwareDatetime
    source: ReferenceSource
    observations: int
    counts: dict[str, list[int]]
    embedding: NormalDistribution | None = None

    def fits(self, subject: DriftSubject) -> bool:
        """Whether it was captured from the same models, in the same bins."""
        bins = {signal.name: signal.bins for signal in subject.signals}
        return self.fingerprint == subject.fingerprint and bins == {
            name: len(counts) for name, counts in self.counts.items()
        }

    def counts_of(self, signal: str) -> Counts:
        return np.array(self.counts[signal], np.int64)


class ReferenceCapture:
    """Collects a reference from `wanted` observations.

    Its halves are the first and the second half in time, so that their distance includes the normal variation of
    traffic; of a folder, whose order means nothing, every other image.
    """

    def __init__(self, subject: DriftSubject, wanted: int, source: ReferenceSource) -> None:
        self.subject, self.wanted, self.source, self.observations = subject, wanted, source, 0
        self._counts = {signal.name: np.zeros(signal.bins, np.int64) for signal in subject.signals}
        self._halves = (MomentsSum(), MomentsSum())

    @property
    def is_done(self) -> bool:
        return self.observations >= self.wanted

    def add(self, bins: Mapping[str, int], vector: Vector | None) -> None:
        for name, bin in bins.items():
            self._counts[name][bin] += 1
        if vector is not None:
            is_odd, is_later = self.observations % 2, 2 * self.observations >= self.wanted
            self._halves[is_odd if self.source == "folder" else is_later].add(vector)
        self.observations += 1

    def reference(self) -> Reference:
        first, second = (half.moments for half in self._halves)
        return Reference(
            subject=self.subject.name,
            fingerprint=self.subject.fingerprint,
            captured_at=datetime.now(UTC),
            source=self.source,
            observations=self.observations,
            counts={name: counts.tolist() for name, counts in self._counts.items()},
            embedding=NormalDistribution.from_halves(first, second) if self.subject.has_embedding else None,
        )
