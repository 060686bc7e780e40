"""Hears of every request that the engine answers, and keeps nothing of it but numbers in bins."""

from collections.abc import Iterable
from math import inf
from time import monotonic

from PIL import Image

from pipelines.captioning.encoder import Encoder
from pipelines.captioning.pipeline import POSSIBLE
from pipelines.documents.types import Document, Page
from pipelines.faces.types import Faces
from pipelines.findings import Findings, Observation
from pipelines.moderation.types import Moderation
from service.monitoring.quality import signals
from service.monitoring.quality.distances import Vector
from service.monitoring.quality.encoder_stats import Encoded
from service.monitoring.quality.metrics import Instruments
from service.monitoring.quality.reference import Source
from service.monitoring.quality.report import QualityReport
from service.monitoring.quality.signals import Signal
from service.monitoring.quality.subjects import Subject, Subjects
from service.monitoring.quality.tracker import Tracker

_SIDE = 64


class Quality:
    """An observer of the engine. `trackers` are one for each subject, by its name.

    Of the encoder's answers, which cost more to reduce than all else, it takes at most `encoded_per_second`.
    """

    def __init__(
        self,
        subjects: Subjects,
        encoder: Encoder,
        instruments: Instruments,
        window: int,
        encoded_per_second: float = inf,
    ) -> None:
        self.subjects, self.trackers = subjects, {one.name: Tracker(one, window) for one in subjects}
        self._encoder, self._instruments, self._size = encoder, instruments, window
        self._apart_seconds, self._next = 1 / encoded_per_second, 0.0

    def report(self) -> QualityReport:
        return QualityReport.of(self.trackers.values(), self._size)

    def capture(self, observations: int, source: Source) -> None:
        """Make the next `observations` of each subject its reference."""
        for tracker in self.trackers.values():
            tracker.begin(observations, source)

    def __call__(self, seen: Observation) -> None:
        findings = seen.findings
        if findings.image.format != "PDF":  # whose page may not have been drawn
            self._image(findings, seen.picture.pixels)
        if seen.encoded is not None and self._is_due():
            self._encoded(Encoded.of(seen.encoded, self._encoder), has_tags=findings.features is not None)
        if findings.moderation is not None:
            self._moderation(findings.moderation)
        if findings.faces is not None:
            self._faces(findings.faces)
        if findings.document is not None:
            self._document(findings.document)

    def _is_due(self) -> bool:
        now = monotonic()
        if now < self._next:
            return False
        self._next = now + self._apart_seconds
        return True

    def _image(self, findings: Findings, pixels: Image.Image) -> None:
        image, to = findings.image, self._instruments
        luma, size = brightness(pixels), image.width * image.height
        to.brightness.observe(luma)
        to.pixels.observe(size)
        to.bytes.observe(image.bytes)
        values = [(signals.BRIGHTNESS, luma), (signals.PIXELS, size), (signals.BYTES, image.bytes)]
        if findings.features is not None:
            sharpness = findings.features.appearance.sharpness
            to.sharpness.observe(sharpness)
            values.append((signals.SHARPNESS, sharpness))
        self._track(self.subjects.images, values)

    def _encoded(self, answer: Encoded, *, has_tags: bool) -> None:
        labels, model, to = self._encoder.labels, self._encoder.used.id, self._instruments
        to.confidence.labels(model).observe(answer.confidence)
        to.entropy.labels(model).observe(answer.entropy)
        to.margin.labels(model).observe(answer.margin)
        to.answers.labels(model, "low" if answer.confidence < POSSIBLE else "fair").inc()
        to.groups.labels(labels.groups[answer.group]).inc()
        if has_tags:
            to.found.labels("features", "tags").observe(answer.tags)
        values = [
            (signals.CONFIDENCE, answer.confidence),
            (signals.ENTROPY, answer.entropy),
            (signals.MARGIN, answer.margin),
        ]
        self._track(self.subjects.encoder, values, group=answer.group, vector=answer.vector)

    def _moderation(self, found: Moderation) -> None:
        to = self._instruments
        to.verdicts.labels(found.verdict).inc()
        for rule in found.rules:
            to.rule_hits.labels(rule.rule, rule.verdict).inc()
        for name, reading in found.signals.items():
            if reading.error is None:
                to.score.labels("moderation", name).observe(reading.score)
        nsfw = found.signals.get("nsfw")
        if nsfw is not None and nsfw.error is None:
            self._track(self.subjects.nsfw, [(signals.NSFW, nsfw.score)])

    def _faces(self, found: Faces) -> None:
        scores = [face.score for face in found.faces if face.is_face]
        self._instruments.found.labels("faces", "faces").observe(found.count)
        for score in scores:
            self._instruments.score.labels("faces", "face").observe(score)
        best = [(signals.FACE, max(scores))] if scores else []
        self._track(self.subjects.faces, [(signals.FACES, found.count), *best])

    def _document(self, found: Document) -> None:
        self._instruments.found.labels("document", "pages").observe(len(found.pages))
        for page in found.pages:
            if page.error is None:
                self._page(page)

    def _page(self, page: Page) -> None:
        """Scores of a page are their mean: its lines were read under the same conditions, and are no more than one."""
        read = [line.score for region in page.regions for line in region.lines]
        regions = [region.score for region in page.regions]
        self._instruments.found.labels("document", "lines").observe(len(read))
        values: list[tuple[Signal, float]] = [(signals.LINES, len(read))]
        if read and page.source == "ocr":
            ocr = sum(read) / len(read)
            self._instruments.score.labels("document", "ocr").observe(ocr)
            values.append((signals.OCR, ocr))
        self._track(self.subjects.text, values)
        if regions:
            layout = sum(regions) / len(regions)
            self._instruments.score.labels("document", "layout").observe(layout)
            self._track(self.subjects.layout, [(signals.LAYOUT, layout)])

    def _track(
        self,
        subject: Subject | None,
        values: Iterable[tuple[Signal, float]],
        *,
        group: int | None = None,
        vector: Vector | None = None,
    ) -> None:
        if subject is None:
            return
        bins = {signal.name: signal.bin_of(value) for signal, value in values}
        if group is not None:
            bins["group"] = group
        self.trackers[subject.name].add(bins, vector)


def brightness(pixels: Image.Image) -> float:
    """Mean luma, 0-1, of 4096 pixels evenly spread: within .01 of the mean of all for photographs, in 30 us."""
    tiny = pixels.resize((_SIDE, _SIDE), Image.Resampling.NEAREST).convert("L")
    counts = tiny.histogram()
    return sum(value * count for value, count in enumerate(counts)) / (255 * _SIDE * _SIDE)
