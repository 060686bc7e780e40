"""Quality in Prometheus: distributions of scores and picture properties, and drift, computed at each scrape."""

from collections.abc import Iterable, Mapping
from time import time
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.monitoring.quality.tracker import REFERENCE_STATES, DriftTracker

_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
_COUNTS = (0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233)
_SHARPNESS = (1e-5, 3e-5, 1e-4, 2e-4, 4e-4, 1e-3, 2e-3, 4e-3, 1e-2, 2e-2, 4e-2, 0.1)
_PIXELS = (2**14, 2**16, 2**17, 2**18, 2**19, 2**20, 2**21, 2**22, 2**23, 2**24, 2**25, 2**26)
_BYTES = (2**12, 2**13, 2**14, 2**15, 2**16, 2**17, 2**18, 2**19, 2**20, 2**21, 2**22, 2**23, 2**24)


class QualityMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        def histogram(name: str, text: str, labels: Iterable[str], buckets: Iterable[float]) -> Histogram:
            return Histogram(f"kernelsight_{name}", text, tuple(labels), buckets=tuple(buckets), registry=registry)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"kernelsight_{name}", text, labels, registry=registry)

        self.confidence = histogram("confidence", "Probability of an answer's best tag.", ["model"], _SHARES)
        self.entropy = histogram(
            "entropy", "Entropy of the probabilities of all classes, 1 when all are equal.", ["model"], _SHARES
        )
        self.margin = histogram(
            "margin", "Probability of the best tag less that of the second best.", ["model"], _SHARES
        )
        self.answers = counter(
            "answers",
            "Answers by confidence; low is a best class below .3.",
            "model",
            "confidence",
        )
        self.found = histogram(
            "found", "Things found: tags, objects and faces per image, lines per page, pages per document.",
            ["pipeline", "kind"], _COUNTS,
        )  # fmt: skip
        self.score = histogram("score", "Scores of what was found or judged.", ["pipeline", "signal"], _SHARES)
        self.verdicts = counter("moderation_verdicts", "Images by moderation's verdict.", "verdict")
        self.rule_hits = counter(
            "moderation_rule_hits", "Times that a rule of the policy fired on an image.", "rule", "verdict"
        )
        self.groups = counter("tag_groups", "Images by the group of their best tag.", "group")
        self.kinds = counter("picture_kinds", "Images by kind, where features were requested.", "kind")
        self.brightness = histogram("image_brightness", "Mean luma of images, 0 to 1.", [], _SHARES)
        self.sharpness = histogram(
            "image_sharpness", "Variance of the Laplacian of images, where features were requested.", [], _SHARPNESS
        )
        self.pixels = histogram("image_pixels", "Width times height of images as they were sent.", [], _PIXELS)
        self.bytes = histogram("image_bytes", "Bytes of images as they were sent.", [], _BYTES)


class HasTrackers(Protocol):
    @property
    def trackers(self) -> Mapping[str, DriftTracker]: ...


class DriftCollector(Collector):
    """Compares at each scrape: a few milliseconds for all subjects."""

    def __init__(self, quality: HasTrackers) -> None:
        self._quality = quality

    def collect(self) -> Iterable[Metric]:
        psi = GaugeMetricFamily(
            "kernelsight_drift_psi",
            "Population stability index against the reference, less its expectation by chance.",
            labels=["subject", "signal"],
        )
        distance = GaugeMetricFamily(
            "kernelsight_drift_embedding_distance",
            "Distance of embeddings to the reference, relative to the distance between the reference's two halves.",
            labels=["model"],
        )
        window = GaugeMetricFamily(
            "kernelsight_drift_window", "Observations in the current window.", labels=["subject"]
        )
        age = GaugeMetricFamily(
            "kernelsight_drift_reference_seconds", "Age of the reference in use.", labels=["subject"]
        )
        state = GaugeMetricFamily(
            "kernelsight_drift_reference",
            "1 for the state of a subject's reference; a stale one belongs to other models and is not used.",
            labels=["subject", "state"],
        )
        for name, tracker in self._quality.trackers.items():
            comparisons, distances = tracker.compare(), tracker.compare_embeddings()
            for one in comparisons:
                if one.psi is not None:
                    psi.add_metric([name, one.signal.name], one.psi)
            if distances is not None:
                distance.add_metric([name], distances.larger)
            window.add_metric([name], max(one.observations for one in comparisons))
            if tracker.reference is not None and tracker.state == "compared":
                age.add_metric([name], time() - tracker.reference.captured_at.timestamp())
            for possible in REFERENCE_STATES:
                state.add_metric([name, possible], possible == tracker.state)
        return psi, distance, window, age, state
