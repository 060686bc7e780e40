"""The pipeline "objects": labelled boxes with calibrated scores, and the counts that may be stated as facts."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from models.labels import LabelSet
from pipelines.boxes import POSITIONS
from pipelines.captioning.kinds.treatment import find_told_kind, is_page
from pipelines.counting import DEFAULT_PRECISION, state_number
from pipelines.cpu_pool import CpuPool
from pipelines.errors import RequestRejected
from pipelines.image.decode import Picture
from pipelines.image.preprocess import OVERSAMPLING
from pipelines.nms import Floats
from pipelines.objects.calibration import ObjectsCalibration
from pipelines.objects.cross_check import choose_statements
from pipelines.objects.detections import Detections
from pipelines.objects.detector import ObjectDetector
from pipelines.objects.options import ObjectsOptions
from pipelines.objects.statements import count_objects, state_labels
from pipelines.objects.types import DetectedObject, Objects, ObjectStatement
from pipelines.objects.wording import describe_objects
from pipelines.prompt import PromptContext
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed


@dataclass(frozen=True)
class ObjectsPipeline:
    detector: ObjectDetector
    labels: LabelSet
    calibration: ObjectsCalibration
    pool: CpuPool
    precision: float = DEFAULT_PRECISION  # where a request names none
    name: str = "objects"

    def models(self, options: ObjectsOptions) -> list[ModelUsed]:
        return self.detector.models

    def shorter_side(self, options: ObjectsOptions) -> int:
        largest = max(max(size) for view in self.detector.views for size in view.manifest.input.sizes)
        return round(largest * OVERSAMPLING)

    async def run(self, picture: Picture, options: ObjectsOptions, context: RunContext) -> Objects:
        """Raises RequestRejected for a label that there is not."""
        wanted = self._choose_classes(options)
        found = await self.detector.detect_once(picture, context)
        with context.stage("count"):
            result = await self.pool.run(self._describe_findings, found, picture, options, wanted)
        is_no_fact = is_page(await find_told_kind(context))
        return result.model_copy(update={"counts": {}, "statements": []}) if is_no_fact else result

    def describe(self, result: Objects, context: PromptContext) -> str:
        return describe_objects(result, choose_statements(context)) if context.shows_things else ""

    def _choose_classes(self, options: ObjectsOptions) -> frozenset[int]:
        names = [one.name for one in self.labels.labels]
        if options.labels is None:
            return frozenset(range(len(names)))
        if unknown := [name for name in options.labels if name not in names]:
            raise RequestRejected(f"labels: no {unknown[0][:40]!r} here; there are: {', '.join(names)}")
        return frozenset(map(names.index, options.labels))

    def _describe_findings(
        self, found: Detections, picture: Picture, options: ObjectsOptions, wanted: frozenset[int]
    ) -> Objects:
        chances = self.calibration.rate_boxes(found)
        precision = self.precision if options.precision is None else options.precision
        stated = state_labels(found, self.calibration, precision=precision)
        stated = {label: certainty for label, certainty in stated.items() if label in wanted}
        is_listed = (chances >= options.min_score) & np.isin(found.classes, list(wanted))
        rows = np.flatnonzero(is_listed)
        rows = rows[np.argsort(-chances[rows], kind="stable")][: options.max]
        return Objects(
            objects=list(self._list_objects(found[rows], chances[rows], picture)),
            counts={self._name(one): count_objects(chances[found.classes == one]) for one in stated},
            statements=[
                self._state(found, chances, label, certainty, precision) for label, certainty in stated.items()
            ],
            precision=precision,
            detector=self.detector.name,
        )

    def _state(
        self, found: Detections, chances: Floats, label: int, certainty: float, precision: float
    ) -> ObjectStatement:
        is_own = found.classes == label
        count, is_exact = state_number(chances[is_own], precision)
        x0, y0, x1, y1 = found.boxes[is_own][0].tolist()  # the best score is first
        return ObjectStatement(
            label=self._name(label),
            count=max(count, 1),
            is_exact=is_exact and count > 0,
            certainty=round(certainty, 4),
            size=round((x1 - x0) * (y1 - y0), 4),
        )

    def _list_objects(self, found: Detections, chances: Floats, picture: Picture) -> Iterable[DetectedObject]:
        shares = found.boxes.astype(np.float64)
        boxes = (shares * ([picture.width, picture.height] * 2)).round(2).tolist()
        sizes = (shares[:, 2:] - shares[:, :2]).prod(axis=1).tolist()
        thirds = ((shares[:, :2] + shares[:, 2:]) * 1.5).clip(0, 2).astype(int).tolist()
        rows = zip(found.classes.tolist(), boxes, chances.tolist(), thirds, sizes, strict=True)
        for label, box, score, (across, down), size in rows:
            yield DetectedObject(
                label=self._name(label),
                box=box,
                score=round(score, 4),
                position=POSITIONS[down][across],
                size=round(size, 4),
            )

    def _name(self, label: int) -> str:
        return self.labels.labels[label].name
