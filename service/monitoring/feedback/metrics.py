"""What Prometheus sees of feedback. Every process that shares a journal shows the same gauges: take their maximum."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.monitoring.feedback.types import PipelineSummary, Said

_LABELS = ["pipeline", "category"]


class FeedbackMetrics(Collector):
    """Gauges are read at each scrape; categories are those that the policy and the encoder know, and a few of ours."""

    def __init__(self, now: Callable[[], Mapping[str, PipelineSummary]], registry: CollectorRegistry) -> None:
        self._now = now
        self._given = Counter(
            "kernelsight_feedback", "Feedback that this process was given.", ["pipeline", "verdict"], registry=registry
        )
        registry.register(self)

    def given(self, pipeline: str, verdict: Said) -> None:
        self._given.labels(pipeline, verdict).inc()

    def collect(self) -> Iterable[Metric]:
        precision = GaugeMetricFamily(
            "kernelsight_feedback_precision", "Share of what was said that people call right.", labels=_LABELS
        )
        recall = GaugeMetricFamily(
            "kernelsight_feedback_recall", "Share of what people say is right that was said.", labels=_LABELS
        )
        support = GaugeMetricFamily(
            "kernelsight_feedback_support", "How often people say it is right.", labels=_LABELS
        )  # fmt: skip
        for pipeline, summary in self._now().items():
            for one in summary.categories:
                labels = [pipeline, one.category]
                support.add_metric(labels, one.support)
                if one.precision is not None:
                    precision.add_metric(labels, one.precision)
                if one.recall is not None:
                    recall.add_metric(labels, one.recall)
        return precision, recall, support
