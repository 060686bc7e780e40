"""Quality and drift as they are now, as JSON."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from service.monitoring.quality.reference import Apart, Source
from service.monitoring.quality.tracker import Compared, State, Tracker

Level = Literal["steady", "moderate", "major"]

# Of PSI: the bounds that credit scoring has used for decades, e.g. N. Siddiqi, "Credit Risk Scorecards" (2006).
PSI_MODERATE, PSI_MAJOR = 0.1, 0.25
# Of embeddings, in how far the reference's halves are apart: clean traffic stays near 1 (docs/quality.md).
DISTANCE_MODERATE, DISTANCE_MAJOR = 2.0, 3.0


class BinShare(BaseModel):
    """The share of observations in a bin; `bin` is a range, or a kind."""

    bin: str
    reference: float
    current: float


class SignalDrift(BaseModel):
    signal: str
    observations: int = Field(description="in the current window")
    psi: float | None = Field(description="none while the window or the reference has too few observations")
    level: Level | None
    bins: list[BinShare]


class EmbeddingDrift(BaseModel):
    distance: float | None = Field(
        description="the larger of both: 1 is as far as the reference's two halves are from each other"
    )
    means: float | None = Field(description="Mahalanobis distance of the means")
    everything: float | None = Field(description="Frechet distance of means and covariances")
    level: Level | None


class ReferenceFacts(BaseModel):
    captured_at: datetime
    source: Source
    observations: int
    fingerprint: str


class Capturing(BaseModel):
    observations: int
    wanted: int


class SubjectDrift(BaseModel):
    """`state` stale: the reference is of other models than `fingerprint` names, and nothing is compared."""

    subject: str
    fingerprint: str
    state: State
    observations: int = Field(description="since this process started")
    reference: ReferenceFacts | None
    capturing: Capturing | None
    signals: list[SignalDrift]
    embedding: EmbeddingDrift | None


class QualityReport(BaseModel):
    """Of this process: others have windows of their own, and share the references."""

    window: int
    levels: dict[str, tuple[float, float]] = Field(description="from where on drift is moderate, and major")
    subjects: list[SubjectDrift]

    @classmethod
    def of(cls, trackers: Iterable[Tracker], window: int) -> "QualityReport":
        levels = {"psi": (PSI_MODERATE, PSI_MAJOR), "distance": (DISTANCE_MODERATE, DISTANCE_MAJOR)}
        return cls(window=window, levels=levels, subjects=[_subject(tracker) for tracker in trackers])


def _subject(tracker: Tracker) -> SubjectDrift:
    reference, capture = tracker.reference, tracker.capture
    return SubjectDrift(
        subject=tracker.subject.name,
        fingerprint=tracker.subject.fingerprint,
        state=tracker.state,
        observations=tracker.observations,
        reference=ReferenceFacts.model_validate(reference, from_attributes=True) if reference else None,
        capturing=Capturing(observations=capture.observations, wanted=capture.wanted) if capture else None,
        signals=[_signal(one) for one in tracker.compared()],
        embedding=_embedding(tracker.apart()) if tracker.subject.has_embedding else None,
    )


def _embedding(apart: Apart | None) -> EmbeddingDrift:
    if apart is None:
        return EmbeddingDrift(distance=None, means=None, everything=None, level=None)
    return EmbeddingDrift(
        distance=_rounded(apart.farther),
        means=_rounded(apart.means),
        everything=_rounded(apart.everything),
        level=_level(apart.farther, DISTANCE_MODERATE, DISTANCE_MAJOR),
    )


def _signal(one: Compared) -> SignalDrift:
    return SignalDrift(
        signal=one.signal.name,
        observations=one.observations,
        psi=_rounded(one.psi),
        level=_level(one.psi, PSI_MODERATE, PSI_MAJOR),
        bins=[
            BinShare(
                bin=one.signal.label(places),
                reference=round(before / sum(one.reference), 4),
                current=round(now / sum(one.current), 4),
            )
            for places, before, now in zip(one.bins or (), one.reference, one.current, strict=True)
        ],
    )


def _level(value: float | None, moderate: float, major: float) -> Level | None:
    if value is None:
        return None
    return "major" if value >= major else "moderate" if value >= moderate else "steady"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
