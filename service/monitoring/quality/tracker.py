"""Tracks one subject: its current window, its reference, and the capture of its next reference."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pipelines.drift import DriftSignal
from service.monitoring.quality.distances import Vector, group_neighbours, group_rare, join_bins, psi
from service.monitoring.quality.reference import (
    MIN_OBSERVATIONS,
    DriftDistances,
    Reference,
    ReferenceCapture,
    ReferenceSource,
)
from service.monitoring.quality.subjects import DriftSubject
from service.monitoring.quality.windows import CountsWindow, MomentsWindow

ReferenceState = Literal["compared", "stale", "capturing", "none"]
REFERENCE_STATES: tuple[ReferenceState, ...] = ("compared", "stale", "capturing", "none")


@dataclass(frozen=True)
class DriftComparison:
    """A signal's window and reference in the same `bins`; `psi` is None while either has too few observations."""

    signal: DriftSignal
    observations: int
    psi: float | None = None
    bins: list[list[int]] | None = None
    reference: tuple[int, ...] = ()
    current: tuple[int, ...] = ()


class DriftTracker:
    def __init__(self, subject: DriftSubject, window: int) -> None:
        self.subject, self.min_observations = subject, window // 2
        self.observations = 0  # since this process started
        self.reference: Reference | None = None
        self.capture: ReferenceCapture | None = None
        self._windows = {signal.name: CountsWindow(signal.bins, window) for signal in subject.signals}
        self._moments = MomentsWindow(window) if subject.has_embedding else None

    @property
    def state(self) -> ReferenceState:
        if self.reference is None:
            return "none" if self.capture is None else "capturing"
        return "compared" if self.reference.fits(self.subject) else "stale"

    def start_capture(self, wanted: int, source: ReferenceSource) -> None:
        """Capture a reference from the next `wanted` observations; until then the old one stays in use."""
        self.capture = ReferenceCapture(self.subject, wanted, source)

    def add(self, values: Mapping[str, int], vector: Vector | None = None) -> None:
        """One observation: `values` are bins by signal, `vector` a projected embedding."""
        self.observations += 1
        for name, bin in values.items():
            self._windows[name].add(bin)
        if self._moments is not None and vector is not None:
            self._moments.add(vector)
        if self.capture is not None and not self.capture.is_done:
            self.capture.add(values, vector)

    def compare(self) -> list[DriftComparison]:
        return [self._compare_signal(signal) for signal in self.subject.signals]

    def compare_embeddings(self) -> DriftDistances | None:
        """None while embeddings cannot be compared, or the subject has none."""
        if self._moments is None or self.reference is None or self.state != "compared":
            return None
        current, normal = self._moments.moments, self.reference.embedding
        if normal is None or current.count < self.min_observations or normal.count < MIN_OBSERVATIONS:
            return None
        return normal.distances_to(current)

    def _compare_signal(self, signal: DriftSignal) -> DriftComparison:
        current = self._windows[signal.name].counts
        observations = int(current.sum())
        if self.reference is None or self.state != "compared":
            return DriftComparison(signal, observations)
        reference = self.reference.counts_of(signal.name)
        if observations < self.min_observations or reference.sum() < MIN_OBSERVATIONS:
            return DriftComparison(signal, observations)
        bins = group_rare(reference) if signal.names else group_neighbours(reference)
        before, now = join_bins(reference, bins), join_bins(current, bins)
        return DriftComparison(
            signal, observations, psi(now, before), bins, tuple(before.tolist()), tuple(now.tolist())
        )
