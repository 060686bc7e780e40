"""What is normal: histograms and moments of a stretch of traffic, or of a folder of images, as one value."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from service.monitoring.quality.distances import Counts, Moments, Vector, frechet, mahalanobis
from service.monitoring.quality.subjects import Subject
from service.monitoring.quality.windows import DIMENSIONS, Sums

Source = Literal["first answers", "traffic", "folder"]
LEAST = 250  # observations of a reference: with fewer, chance alone looks like drift
# Of unit vectors. Below this the halves hold the same picture over and over, and are no yardstick.
_SMALLEST_APART = 1.0


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Apart:
    """How far embeddings are from a reference, over how far its own halves are from each other: 1 is as usual."""

    means: float
    everything: float

    @property
    def farther(self) -> float:
        return max(self.means, self.everything)


class Normal(Frozen):
    """Embeddings as one Gaussian, after the projection; and how far its two halves are from each other.

    Both distances, Mahalanobis of the means and Frechet of all, are over what the halves' sizes make of them.
    """

    count: int
    mean: list[float] = Field(min_length=DIMENSIONS, max_length=DIMENSIONS)
    covariance: list[list[float]] = Field(min_length=DIMENSIONS, max_length=DIMENSIONS)
    means_apart: float
    all_apart: float

    @classmethod
    def of(cls, first: Moments, second: Moments) -> "Normal":
        both, size = first + second, 1 / first.count + 1 / second.count
        return cls(
            count=both.count,
            mean=both.mean.tolist(),
            covariance=both.covariance.tolist(),
            means_apart=mahalanobis(first.mean, second.mean, both.covariance) / size,
            all_apart=frechet(first.mean, first.covariance, second.mean, second.covariance) / size,
        )

    def apart(self, now: Moments) -> "Apart":
        size, mean, covariance = 1 / now.count + 1 / self.count, np.array(self.mean), np.array(self.covariance)
        means = mahalanobis(now.mean, mean, covariance) / size
        everything = frechet(mean, covariance, now.mean, now.covariance) / size
        return Apart(means / max(self.means_apart, 1.0), everything / max(self.all_apart, _SMALLEST_APART))


class Reference(Frozen):
    """`counts` by signal, in the signal's own bins; `format` changes with those bins or the projection."""

    format: Literal[1] = 1
    subject: str
    fingerprint: str
    captured_at: AwareDatetime
    source: Source
    observations: int
    counts: dict[str, list[int]]
    embedding: Normal | None = None

    def fits(self, subject: Subject) -> bool:
        """Whether it was captured from the same models, in the same bins."""
        bins = {signal.name: signal.bins for signal in subject.signals}
        return self.fingerprint == subject.fingerprint and bins == {name: len(of) for name, of in self.counts.items()}

    def of(self, signal: str) -> Counts:
        return np.array(self.counts[signal], np.int64)


class Capture:
    """A reference that grows by `wanted` observations.

    Its halves are the first and the second in time, so that what traffic does by itself is in their distance; of a
    folder, whose order means nothing, every other image.
    """

    def __init__(self, subject: Subject, wanted: int, source: Source) -> None:
        self.subject, self.wanted, self.source, self.observations = subject, wanted, source, 0
        self._counts = {signal.name: np.zeros(signal.bins, np.int64) for signal in subject.signals}
        self._halves = (Sums(), Sums())

    @property
    def is_done(self) -> bool:
        return self.observations >= self.wanted

    def add(self, bins: Mapping[str, int], vector: Vector | None) -> None:
        for name, bin in bins.items():
            self._counts[name][bin] += 1
        if vector is not None:
            in_folder, later = self.observations % 2, 2 * self.observations >= self.wanted
            self._halves[in_folder if self.source == "folder" else later].add(vector)
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
            embedding=Normal.of(first, second) if self.subject.has_embedding else None,
        )
