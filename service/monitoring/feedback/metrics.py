"""Feedback in Prometheus. Processes that share an event log export the same gauges: take their maximum."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.monitoring.feedback.types import FeedbackVerdict, PipelineFeedback

_LABELS = ["pipeline", "category"]


class FeedbackMetrics(Collector):
    """Gauges are computed at each scrape; categories are those of the policy and the encoder, and `other` or `none`."""

    def __init__(self, summaries: Callable[[], Mapping[str, PipelineFeedback]], registry: CollectorRegistry) -> None:
        self._summaries = summaries
        self._received = Counter(
            "kernelsight_feedback", "Feedback that this process received.", ["pipeline", "verdict"], registry=registry
        )
        registry.register(self)

    def count(self, pipeline: str, verdict: FeedbackVerdict) -> None:
        self._received.labels(pipeline, verdict).inc()

    def collect(self) -> Iterable[Metric]:
        precision = GaugeMetricFamily(
            "kernelsight_feedback_precision",
            "Share of the answers with this category that people call right.",
            labels=_LABELS,
        )
        recall = GaugeMetricFamily(
            "kernelsight_feedback_recall",
            "Share of the results that should have this category which have it.",
            labels=_LABELS,
        )
        support = GaugeMetricFamily(
            "kernelsight_feedback_support", "How often people say that this category is right.", labels=_LABELS
        )  # fmt: skip
        for pipeline, summary in self._summaries().items():
            for one in summary.categories:
                labels = [pipeline, one.category]
                support.add_metric(labels, one.support)
                if one.precision is not None:
                    precision.add_metric(labels, one.precision)
                if one.recall is not None:
                    recall.add_metric(labels, one.recall)
        return precision, recall, support
