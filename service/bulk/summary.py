"""Summarises the rows of an output one by one, in bounded memory."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from math import ceil, log10
from typing import Any

BINS = 20  # of scores, each .05 wide
MAX_SLOWEST, MAX_MOST_SEVERE, MAX_FAILED = 20, 20, 50  # rows of each that the report shows

_STEPS = 20  # duration bins per power of ten: percentiles are right within 12 %

RowDict = Mapping[str, Any]


@dataclass
class RunSummary:
    """`categories` counts images by category and verdict of the rules that fired; an image counts once for each."""

    verdicts: Counter[str] = field(default_factory=Counter)
    categories: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    rules: Counter[tuple[str, str]] = field(default_factory=Counter)
    scores: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0] * BINS))
    errors: Counter[str] = field(default_factory=Counter)
    failed_signals: Counter[str] = field(default_factory=Counter)
    seconds: Counter[int] = field(default_factory=Counter)
    policies: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    failed: list[RowDict] = field(default_factory=list)
    _slowest: list[tuple[float, int, RowDict]] = field(default_factory=list)
    _most_severe: list[tuple[tuple[int, float], int, RowDict]] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)

    @classmethod
    def from_rows(cls, rows: Iterable[RowDict]) -> "RunSummary":
        summary = cls()
        for row in rows:
            summary.add(row)
        return summary

    @property
    def total(self) -> int:
        return self.verdicts.total()

    @property
    def slowest(self) -> list[RowDict]:
        return [row for _, _, row in sorted(self._slowest, reverse=True)]

    @property
    def most_severe(self) -> list[RowDict]:
        """Rows that are not `allow`, the most severe first."""
        return [row for _, _, row in sorted(self._most_severe, reverse=True)]

    def add(self, row: RowDict) -> None:
        self.verdicts[row["verdict"] or "failed"] += 1
        self.policies[f"{row['policy']} {row['policy_version']} ({row['policy_sha256'][:12]})"] += 1
        self.models.update(f"{one['id']} {one['version']} ({one['sha256'][:12]})" for one in row["models"])
        self.seconds[_duration_bin(row["seconds"])] += 1
        _keep_largest(self._slowest, row["seconds"], next(self._numbers), row, MAX_SLOWEST)
        if row["error"] is not None:
            self.errors[row["error"]["code"]] += 1
            if len(self.failed) < MAX_FAILED:
                self.failed.append(row)
        else:
            self._add_verdict(row)

    def _add_verdict(self, row: RowDict) -> None:
        for category, verdict in {(one["category"], one["verdict"]) for one in row["rules"]}:
            self.categories[category][verdict] += 1
        self.rules.update({(one["rule"], one["verdict"]) for one in row["rules"]})
        self.failed_signals.update(row["failed_signals"].keys())
        for name, score in row["scores"].items():
            self.scores[name][min(BINS - 1, int(score * BINS))] += 1
        if row["verdict"] != "allow":
            score = max((one["score"] for one in row["rules"]), default=0.0)
            _keep_largest(self._most_severe, (row["severity"], score), next(self._numbers), row, MAX_MOST_SEVERE)

    def percentile(self, share: float) -> float:
        """The seconds that this share of the items took at most."""
        target, seen = ceil(self.total * share), 0
        for step, rows in sorted(self.seconds.items()):
            seen += rows
            if seen >= target:
                return float(10 ** (step / _STEPS))
        return 0.0


def _duration_bin(seconds: float) -> int:
    return ceil(log10(max(seconds, 1e-4)) * _STEPS)


def _keep_largest(heap: list[Any], rank: Any, number: int, row: RowDict, limit: int) -> None:
    heapq.heappush(heap, (rank, number, row))
    if len(heap) > limit:
        heapq.heappop(heap)
