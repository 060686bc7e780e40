"""What a batch came to, gathered row by row: memory is bounded however many there are."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from math import ceil, log10
from typing import Any

BINS = 20  # of scores, each .05 wide
SLOWEST, WORST, FAILED = 20, 20, 50  # rows that are shown of each

_STEPS = 20  # bins of seconds for each power of ten: percentiles are right within 12 %

Row = Mapping[str, Any]


@dataclass
class Summary:
    """`categories` are those of fired rules, by verdict; an image counts once for each."""

    verdicts: Counter[str] = field(default_factory=Counter)
    categories: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    rules: Counter[tuple[str, str]] = field(default_factory=Counter)
    scores: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0] * BINS))
    errors: Counter[str] = field(default_factory=Counter)
    failed_signals: Counter[str] = field(default_factory=Counter)
    seconds: Counter[int] = field(default_factory=Counter)
    policies: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    failed: list[Row] = field(default_factory=list)
    _slowest: list[tuple[float, int, Row]] = field(default_factory=list)
    _worst: list[tuple[tuple[int, float], int, Row]] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "Summary":
        summary = cls()
        for row in rows:
            summary.add(row)
        return summary

    @property
    def total(self) -> int:
        return self.verdicts.total()

    @property
    def slowest(self) -> list[Row]:
        return [row for _, _, row in sorted(self._slowest, reverse=True)]

    @property
    def worst(self) -> list[Row]:
        """What was not allowed, the most severe first."""
        return [row for _, _, row in sorted(self._worst, reverse=True)]

    def add(self, row: Row) -> None:
        self.verdicts[row["verdict"] or "failed"] += 1
        self.policies[f"{row['policy']} {row['policy_version']} ({row['policy_sha256'][:12]})"] += 1
        self.models.update(f"{one['id']} {one['version']} ({one['sha256'][:12]})" for one in row["models"])
        self.seconds[_bin_of(row["seconds"])] += 1
        _keep(self._slowest, row["seconds"], next(self._numbers), row, SLOWEST)
        if row["error"] is not None:
            self.errors[row["error"]["code"]] += 1
            if len(self.failed) < FAILED:
                self.failed.append(row)
        else:
            self._add_judged(row)

    def _add_judged(self, row: Row) -> None:
        for category, verdict in {(one["category"], one["verdict"]) for one in row["rules"]}:
            self.categories[category][verdict] += 1
        self.rules.update({(one["rule"], one["verdict"]) for one in row["rules"]})
        self.failed_signals.update(row["failed_signals"].keys())
        for name, score in row["scores"].items():
            self.scores[name][min(BINS - 1, int(score * BINS))] += 1
        if row["verdict"] != "allow":
            score = max((one["score"] for one in row["rules"]), default=0.0)
            _keep(self._worst, (row["severity"], score), next(self._numbers), row, WORST)

    def percentile(self, share: float) -> float:
        """Seconds that this share of the items took at most."""
        wanted, seen = ceil(self.total * share), 0
        for step, rows in sorted(self.seconds.items()):
            seen += rows
            if seen >= wanted:
                return float(10 ** (step / _STEPS))
        return 0.0


def _bin_of(seconds: float) -> int:
    return ceil(log10(max(seconds, 1e-4)) * _STEPS)


def _keep(heap: list[Any], rank: Any, number: int, row: Row, most: int) -> None:
    heapq.heappush(heap, (rank, number, row))
    if len(heap) > most:
        heapq.heappop(heap)
