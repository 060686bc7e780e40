"""The current state of quality and drift, as JSON."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from service.monitoring.quality.reference import DriftDistances, ReferenceSource
from service.monitoring.quality.tracker import DriftComparison, DriftTracker, ReferenceState

DriftLevel = Literal["steady", "moderate", "major"]

# Of PSI: the bounds that credit scoring has used for decades, e.g. N. Siddiqi, "Credit Risk Scorecards" (2006).
PSI_MODERATE, PSI_MAJOR = 0.1, 0.25
# Of embeddings, relative to the distance between the reference's halves: clean traffic stays near 1 (docs/quality.md).
DISTANCE_MODERATE, DISTANCE_MAJOR = 2.0, 3.0


class BinShare(BaseModel):
    """The share of observations in a bin; `bin` is a range of values, or a kind."""

    bin: str
    reference: float
    current: float


class SignalDrift(BaseModel):
    signal: str
    observations: int = Field(description="in the current window")
    psi: float | None = Field(description="null while the window or the reference has too few observations")
    level: DriftLevel | None
    bins: list[BinShare]


class EmbeddingDrift(BaseModel):
    distance: float | None = Field(
        description="the larger of both; 1 is the distance between the reference's two halves"
    )
    means: float | None = Field(description="Mahalanobis distance of the means")
    everything: float | None = Field(description="Frechet distance of means and covariances")
    level: DriftLevel | None


class ReferenceInfo(BaseModel):
    captured_at: datetime
    source: ReferenceSource
    observations: int
    fingerprint: str


class CaptureProgress(BaseModel):
    observations: int
    wanted: int


class SubjectDrift(BaseModel):
    """`state` is stale where the reference belongs to other models than `fingerprint`; then nothing is compared."""

    subject: str
    fingerprint: str
    state: ReferenceState
    observations: int = Field(description="since this process started")
    reference: ReferenceInfo | None
    capturing: CaptureProgress | None
    signals: list[SignalDrift]
    embedding: EmbeddingDrift | None


class QualityReport(BaseModel):
    """Of this process: other processes have their own windows, and share the references."""

    window: int
    levels: dict[str, tuple[float, float]] = Field(description="bounds from which drift is moderate, and major")
    subjects: list[SubjectDrift]

    @classmethod
    def from_trackers(cls, trackers: Iterable[DriftTracker], window: int) -> "QualityReport":
        levels = {"psi": (PSI_MODERATE, PSI_MAJOR), "distance": (DISTANCE_MODERATE, DISTANCE_MAJOR)}
        return cls(window=window, levels=levels, subjects=[_subject_drift(tracker) for tracker in trackers])


def _subject_drift(tracker: DriftTracker) -> SubjectDrift:
    reference, capture = tracker.reference, tracker.capture
    return SubjectDrift(
        subject=tracker.subject.name,
        fingerprint=tracker.subject.fingerprint,
        state=tracker.state,
        observations=tracker.observations,
        reference=ReferenceInfo.model_validate(reference, from_attributes=True) if reference else None,
        capturing=CaptureProgress(observations=capture.observations, wanted=capture.wanted) if capture else None,
        signals=[_signal_drift(one) for one in tracker.compare()],
        embedding=_embedding_drift(tracker.compare_embeddings()) if tracker.subject.has_embedding else None,
    )


def _embedding_drift(distances: DriftDistances | None) -> EmbeddingDrift:
    if distances is None:
        return EmbeddingDrift(distance=None, means=None, everything=None, level=None)
    return EmbeddingDrift(
        distance=_round(distances.larger),
        means=_round(distances.means),
        everything=_round(distances.everything),
        level=_level(distances.larger, DISTANCE_MODERATE, DISTANCE_MAJOR),
    )


def _signal_drift(comparison: DriftComparison) -> SignalDrift:
    return SignalDrift(
        signal=comparison.signal.name,
        observations=comparison.observations,
        psi=_round(comparison.psi),
        level=_level(comparison.psi, PSI_MODERATE, PSI_MAJOR),
        bins=[
            BinShare(
                bin=comparison.signal.label(bins),
                reference=round(before / sum(comparison.reference), 4),
                current=round(now / sum(comparison.current), 4),
            )
            for bins, before, now in zip(comparison.bins or (), comparison.reference, comparison.current, strict=True)
        ],
    )


def _level(value: float | None, moderate: float, major: float) -> DriftLevel | None:
    if value is None:
        return None
    return "major" if value >= major else "moderate" if value >= moderate else "steady"


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
