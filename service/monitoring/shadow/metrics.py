"""The figures of a shadow version, in Prometheus and in the list of models."""

from collections import Counter as Counts
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram
from pydantic import BaseModel, Field

from models.inference import Inference
from models.runtime.model_info import ModelInfo
from service.monitoring.shadow.agreement import VersionComparison
from service.telemetry.metrics.requests import SECONDS_BUCKETS

_DELTAS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1)


class ShadowMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ["model", "version"]
        self.compared = Counter(
            "kernelsight_shadow_compared", "Items that both versions answered, by whether their decisions agree.",
            [*labels, "outcome"], registry=registry,
        )  # fmt: skip
        self.delta = Histogram(
            "kernelsight_shadow_score_delta", "Mean difference of an item's deciding scores.", labels,
            buckets=_DELTAS, registry=registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "kernelsight_shadow_session_seconds", "Time of one inference in the shadow version's session.",
            labels, buckets=SECONDS_BUCKETS, registry=registry,
        )  # fmt: skip
        self.skipped = Counter(
            "kernelsight_shadow_skipped", "Sampled inferences that were not compared, by reason.",
            [*labels, "reason"], registry=registry,
        )  # fmt: skip


class ShadowReport(BaseModel):
    """A shadow version, and its figures since it was loaded; they are null before the first comparison."""

    version: int
    sha256: str
    share: float = Field(description="of the model's inferences")
    compared: int = Field(description="items")
    agreement: float | None = Field(description="share of items on which both versions agree")
    score_delta: float | None = Field(description="mean difference of the deciding scores")
    seconds: float | None = Field(description="mean time of an inference in the shadow version's session")
    live_seconds: float | None = Field(description="mean time of the same inferences with the live version")
    skipped: dict[str, int] = Field(description="sampled inferences that were not compared, by reason")


class AgreementCounts:
    """Counts the comparisons with one shadow version, for its report and in the metrics."""

    def __init__(self, model_info: ModelInfo, share: float, metrics: ShadowMetrics) -> None:
        self.model_info, self._share, self._metrics = model_info, share, metrics
        self._same = self._items = self._inferences = 0
        self._delta = self._seconds = self._live_seconds = 0.0
        self._skipped: Counts[str] = Counts()
        for outcome in ("same", "different"):  # both start at zero: a share needs both
            metrics.compared.labels(model_info.id, str(model_info.version), outcome)

    def add(self, live: Inference, shadow: Inference, items: Iterable[VersionComparison]) -> None:
        labels = self.model_info.id, str(self.model_info.version)
        self._inferences += 1
        self._live_seconds += live.run_seconds
        self._seconds += shadow.run_seconds
        self._metrics.seconds.labels(*labels).observe(shadow.run_seconds)
        for item in items:
            self._items += 1
            self._same += item.same
            self._delta += item.delta
            self._metrics.compared.labels(*labels, "same" if item.same else "different").inc()
            self._metrics.delta.labels(*labels).observe(item.delta)

    def skip(self, reason: str) -> None:
        self._skipped[reason] += 1
        self._metrics.skipped.labels(self.model_info.id, str(self.model_info.version), reason).inc()

    def report(self) -> ShadowReport:
        return ShadowReport(
            version=self.model_info.version,
            sha256=self.model_info.sha256,
            share=self._share,
            compared=self._items,
            agreement=_mean(self._same, self._items),
            score_delta=_mean(self._delta, self._items),
            seconds=_mean(self._seconds, self._inferences),
            live_seconds=_mean(self._live_seconds, self._inferences),
            skipped=dict(self._skipped),
        )


def _mean(total: float, count: int) -> float | None:
    return round(total / count, 6) if count else None
