"""Drift as pipelines declare it: signals with their bins, the models they belong to, and measurements.

Bins are fine and fixed, so that only histograms have to be kept; a comparison joins them to a few.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

# Finer at both ends, where a confident model has nearly all of its scores.
SCORE_EDGES = (0.001, 0.003, 0.01, 0.03, *(step / 20 for step in range(1, 20)), 0.97, 0.99, 0.997, 0.999)
COUNT_EDGES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256)


@dataclass(frozen=True, slots=True)
class DriftSignal:
    """Numbers in bins by `edges` (bin 0 is below the first, the last bin from the last on), or kinds by `names`."""

    name: str
    edges: tuple[float, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def bins(self) -> int:
        return len(self.names) or len(self.edges) + 1

    def bin_of(self, value: float) -> int:
        return bisect_right(self.edges, value)

    def label(self, bins: Sequence[int]) -> str:
        """The range of neighbouring `bins`, or the kind; several kinds are "other"."""
        if self.names:
            return self.names[bins[0]] if len(bins) == 1 else "other"
        low = self.edges[bins[0] - 1] if bins[0] else None
        high = self.edges[bins[-1]] if bins[-1] < len(self.edges) else None
        if low is None or high is None:
            return "all" if low == high else f"< {high:g}" if low is None else f">= {low:g}"
        return f"{low:g} to {high:g}"


@dataclass(frozen=True, slots=True)
class TrackedModels:
    """The models of `tasks`, tracked together by `signals`. The first model of the first task names the subject."""

    tasks: tuple[str, ...]
    signals: tuple[DriftSignal, ...]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Numbers of one result: `counts` and `scores` become histograms by name, `values` are tracked for drift."""

    counts: Mapping[str, int] = field(default_factory=dict)
    scores: Sequence[tuple[str, float]] = ()
    subject: TrackedModels | None = None
    values: Sequence[tuple[DriftSignal, float]] = ()
