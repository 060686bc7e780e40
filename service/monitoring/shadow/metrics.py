"""What is measured of a second version, for Prometheus and for the list of models."""

from collections import Counter as Counts
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram
from pydantic import BaseModel, Field

from models.inference import Inference
from models.runtime.model_info import Served
from service.monitoring.shadow.agreement import Compared
from service.telemetry.metrics.requests import SECONDS

_DELTAS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1)


class ShadowMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ["model", "version"]
        self.compared = Counter(
            "kernelsight_shadow_compared", "Items that both versions answered, by whether they decided the same.",
            [*labels, "outcome"], registry=registry,
        )  # fmt: skip
        self.delta = Histogram(
            "kernelsight_shadow_score_delta", "Mean difference of an item's scores that decided.", labels,
            buckets=_DELTAS, registry=registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "kernelsight_shadow_session_seconds", "Time that the second version's session takes for one inference.",
            labels, buckets=SECONDS, registry=registry,
        )  # fmt: skip
        self.skipped = Counter(
            "kernelsight_shadow_skipped", "Inferences of the sample that were not compared, by why.",
            [*labels, "reason"], registry=registry,
        )  # fmt: skip


class ShadowReport(BaseModel):
    """A second version and how it did since it was loaded. Figures are null before the first comparison."""

    version: int
    sha256: str
    share: float = Field(description="of the model's inferences")
    compared: int = Field(description="items")
    agreement: float | None = Field(description="share of them that both versions decided the same")
    score_delta: float | None = Field(description="mean difference of the scores that decided")
    seconds: float | None = Field(description="mean time of an inference in its session")
    live_seconds: float | None = Field(description="mean time of the same inferences with the version that answers")
    skipped: dict[str, int] = Field(description="inferences of the sample that were not compared, by why")


class Tally:
    """Counts for one version, here and in the metrics."""

    def __init__(self, served: Served, share: float, metrics: ShadowMetrics) -> None:
        self.served, self._share, self._metrics = served, share, metrics
        self._same = self._items = self._inferences = 0
        self._delta = self._seconds = self._live_seconds = 0.0
        self._skipped: Counts[str] = Counts()
        for outcome in ("same", "different"):  # there at nought before the first: a share needs both
            metrics.compared.labels(served.id, str(served.version), outcome)

    def add(self, live: Inference, own: Inference, items: Iterable[Compared]) -> None:
        labels = self.served.id, str(self.served.version)
        self._inferences += 1
        self._live_seconds += live.run_seconds
        self._seconds += own.run_seconds
        self._metrics.seconds.labels(*labels).observe(own.run_seconds)
        for item in items:
            self._items += 1
            self._same += item.same
            self._delta += item.delta
            self._metrics.compared.labels(*labels, "same" if item.same else "different").inc()
            self._metrics.delta.labels(*labels).observe(item.delta)

    def skip(self, reason: str) -> None:
        self._skipped[reason] += 1
        self._metrics.skipped.labels(self.served.id, str(self.served.version), reason).inc()

    def report(self) -> ShadowReport:
        return ShadowReport(
            version=self.served.version,
            sha256=self.served.sha256,
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
