"""Observes every request that the engine answers, and keeps only counts in bins and sums of embeddings."""

from collections.abc import Iterable, Mapping
from math import inf
from operator import mul
from time import monotonic
from types import MappingProxyType
from typing import Any

from PIL import Image
from pydantic import BaseModel

from pipelines.captioning.encoder import ImageEncoder
from pipelines.captioning.spec import FEATURES
from pipelines.drift import DriftSignal
from pipelines.findings import Findings, Observation
from pipelines.moderation.spec import MODERATION
from pipelines.moderation.types import Moderation
from pipelines.pipeline_spec import PipelineSpec
from pipelines.registry import PIPELINES
from service.monitoring.quality import signals
from service.monitoring.quality.distances import Vector
from service.monitoring.quality.encoder_stats import EncoderStats
from service.monitoring.quality.metrics import QualityMetrics
from service.monitoring.quality.reference import ReferenceSource
from service.monitoring.quality.report import QualityReport
from service.monitoring.quality.subjects import DriftSubject, DriftSubjects
from service.monitoring.quality.tracker import DriftTracker

_BRIGHTNESS_SIDE = 64
LOW_CONFIDENCE = 0.3


class QualityObserver:
    """`observe` is an observer of the engine. `trackers` has one tracker per subject, by its name.

    Answers of the encoder, the most expensive to reduce, are sampled: at most `encoded_per_second`.
    """

    def __init__(
        self,
        subjects: DriftSubjects,
        encoder: ImageEncoder,
        metrics: QualityMetrics,
        window: int,
        encoded_per_second: float = inf,
    ) -> None:
        self.subjects, self.trackers = subjects, {one.name: DriftTracker(one, window) for one in subjects}
        self._encoder, self._metrics, self._window = encoder, metrics, window
        self._min_interval_seconds, self._next = 1 / encoded_per_second, 0.0

    def report(self) -> QualityReport:
        return QualityReport.from_trackers(self.trackers.values(), self._window)

    def capture(self, observations: int, source: ReferenceSource) -> None:
        """Make the next `observations` of each subject its reference."""
        for tracker in self.trackers.values():
            tracker.start_capture(observations, source)

    def observe(self, observation: Observation) -> None:
        findings = observation.findings
        if findings.image.format != "PDF":  # the page may not have been rendered
            self._observe_image(findings, observation.picture.pixels)
        if observation.encoded is not None and self._is_due():
            self._observe_encoder(
                EncoderStats.from_outputs(observation.encoded, self._encoder),
                has_tags=findings.get(FEATURES) is not None,
            )
        if (moderation := findings.get(MODERATION)) is not None:
            self._count_verdict(moderation)
        for name, result in findings.results.items():
            self._observe_result(PIPELINES[name], result)

    def _is_due(self) -> bool:
        now = monotonic()
        if now < self._next:
            return False
        self._next = now + self._min_interval_seconds
        return True

    def _observe_image(self, findings: Findings, pixels: Image.Image) -> None:
        image, metrics = findings.image, self._metrics
        features, size = findings.get(FEATURES), image.width * image.height
        luma = mean_brightness(pixels) if features is None else features.appearance.brightness
        metrics.brightness.observe(luma)
        metrics.pixels.observe(size)
        metrics.bytes.observe(image.bytes)
        values = [(signals.BRIGHTNESS, luma), (signals.PIXELS, size), (signals.BYTES, image.bytes)]
        if features is not None:
            sharpness = features.appearance.sharpness
            metrics.sharpness.observe(sharpness)
            values.append((signals.SHARPNESS, sharpness))
        kind = None if features is None else features.kind
        if kind is not None:
            metrics.kinds.labels(kind.name or signals.UNSTATED).inc()
            metrics.score.labels("features", "kind").observe(kind.score)
        named = {} if kind is None else {signals.KIND.name: signals.KIND.names.index(kind.name or signals.UNSTATED)}
        self._track(self.subjects.images, values, named)

    def _observe_encoder(self, stats: EncoderStats, *, has_tags: bool) -> None:
        labels, model, metrics = self._encoder.labels, self._encoder.used.id, self._metrics
        metrics.confidence.labels(model).observe(stats.confidence)
        metrics.entropy.labels(model).observe(stats.entropy)
        metrics.margin.labels(model).observe(stats.margin)
        metrics.answers.labels(model, "low" if stats.confidence < LOW_CONFIDENCE else "fair").inc()
        metrics.groups.labels(labels.groups[stats.group]).inc()
        if has_tags:
            metrics.found.labels("features", "tags").observe(stats.tags)
        values = [
            (signals.CONFIDENCE, stats.confidence),
            (signals.ENTROPY, stats.entropy),
            (signals.MARGIN, stats.margin),
        ]
        self._track(self.subjects.encoder, values, {"group": stats.group}, stats.vector)

    def _count_verdict(self, result: Moderation) -> None:
        self._metrics.verdicts.labels(result.verdict).inc()
        for rule in result.rules:
            self._metrics.rule_hits.labels(rule.rule, rule.verdict).inc()

    def _observe_result(self, spec: PipelineSpec[Any, Any], result: BaseModel) -> None:
        for measurement in spec.measure(result) if spec.measure else ():
            for name, count in measurement.counts.items():
                self._metrics.found.labels(spec.name, name).observe(count)
            for name, score in measurement.scores:
                self._metrics.score.labels(spec.name, name).observe(score)
            if measurement.subject is not None:
                self._track(self.subjects.tracked.get(measurement.subject), measurement.values)

    def _track(
        self,
        subject: DriftSubject | None,
        values: Iterable[tuple[DriftSignal, float]],
        named: Mapping[str, int] = MappingProxyType({}),
        vector: Vector | None = None,
    ) -> None:
        """`named` are the bins of signals whose values are names."""
        if subject is None:
            return
        bins = {signal.name: signal.bin_of(value) for signal, value in values}
        self.trackers[subject.name].add(bins | dict(named), vector)


def mean_brightness(pixels: Image.Image) -> float:
    """Mean luma, 0-1, of 4096 evenly spread pixels: for photographs within .01 of the mean of all, in 30 us."""
    tiny = pixels.resize((_BRIGHTNESS_SIDE, _BRIGHTNESS_SIDE), Image.Resampling.NEAREST).convert("L")
    total: int = sum(map(mul, tiny.histogram(), range(256)))
    return total / (255 * _BRIGHTNESS_SIDE * _BRIGHTNESS_SIDE)
