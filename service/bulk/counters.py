"""Counts how far a bulk run is, and how fast."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from time import monotonic

from pipelines.moderation.types import VERDICTS, Verdict

RESULTS = (*VERDICTS, "failed")

_WINDOW_SECONDS = 30.0  # the rate is measured over these


@dataclass
class ProgressCounters:
    """`skipped` items had a row already. `failed_before` counts earlier rows with errors, listed again or not.

    `total` is None until everything has been listed once.
    """

    counts: Counter[str] = field(default_factory=Counter)
    skipped: int = 0
    failed_before: int = 0
    total: int | None = None
    started: float = field(default_factory=monotonic)
    _marks: list[tuple[float, int]] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Rows that this run wrote."""
        return self.counts.total()

    def start(self) -> None:
        """Start the clock, once models are loaded."""
        self.started = monotonic()
        self._marks = [(self.started, 0)]

    def record(self, verdicts: Iterable[Verdict | None]) -> None:
        """Count written rows; None stands for a row with an error."""
        self.counts.update(verdict or "failed" for verdict in verdicts)
        now = monotonic()
        self._marks.append((now, self.done))
        while len(self._marks) > 2 and now - self._marks[0][0] > _WINDOW_SECONDS:
            self._marks.pop(0)

    @property
    def has_failures(self) -> bool:
        return bool(self.failed_before or self.counts["failed"])

    @property
    def rate(self) -> float:
        """Rows per second over the last 30 seconds."""
        if len(self._marks) < 2:
            return 0.0
        (first, before), (last, after) = self._marks[0], self._marks[-1]
        return (after - before) / max(last - first, 1e-9)

    @property
    def mean_rate(self) -> float:
        return self.done / max(monotonic() - self.started, 1e-9)

    @property
    def seconds_left(self) -> float | None:
        if self.total is None or not self.rate:
            return None
        return max(0, self.total - self.skipped - self.done) / self.rate

    @property
    def summary(self) -> str:
        return ", ".join(f"{kind} {self.counts[kind]:,}" for kind in RESULTS)
