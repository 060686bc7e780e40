"""What is normal: histograms and moments of a stretch of traffic, or of a folder of images, as one value."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from service.quality.distances import Counts, Matrix, Moments, Vector, frechet
from service.quality.subjects import Subject
from service.quality.windows import DIMENSIONS, Sums

Source = Literal["first answers", "traffic", "folder"]
LEAST = 250  # observations of a reference: with fewer, chance alone looks like drift


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Normal(Frozen):
    """Embeddings as one Gaussian, after the projection. `apart` is how far its two halves in time are from each other:
    their squared Frechet distance over what their sizes make of it, 1/n + 1/m.
    """

    count: int
    mean: list[float] = Field(min_length=DIMENSIONS, max_length=DIMENSIONS)
    covariance: list[list[float]] = Field(min_length=DIMENSIONS, max_length=DIMENSIONS)
    apart: float

    @classmethod
    def of(cls, first: Moments, second: Moments) -> "Normal":
        both = first + second
        between = frechet(first.mean, first.covariance, second.mean, second.covariance)
        apart = between / (1 / first.count + 1 / second.count)
        return cls(count=both.count, mean=both.mean.tolist(), covariance=both.covariance.tolist(), apart=apart)

    @property
    def moments(self) -> tuple[Vector, Matrix]:
        return np.array(self.mean), np.array(self.covariance)


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
