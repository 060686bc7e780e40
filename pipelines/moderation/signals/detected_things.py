"""Scores things that object detectors find, for the signal "objects": only where the policy looks at such a score."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.labels import LabelSet
from pipelines.image.decode import Picture
from pipelines.moderation.policy import Policy
from pipelines.moderation.types import Evidence
from pipelines.objects.calibration import ObjectsCalibration
from pipelines.run_context import RunContext

if TYPE_CHECKING:  # it loads OpenCV, which a process that only decides does not need
    from pipelines.objects.detector import ObjectDetector

SHOWN_CHANCE = 0.3  # from here on a box is evidence


@dataclass(frozen=True)
class DetectedThings:
    """`mapping` has the detectors' labels by category. `policy` gives the policy that is in force now.

    A detection takes longer than any other signal. One that the pipeline "objects" makes in the same request
    is shared.
    """

    mapping: Mapping[str, tuple[str, ...]]
    detector: "ObjectDetector"
    labels: LabelSet
    calibration: ObjectsCalibration
    policy: Callable[[], Awaitable[Policy]]

    async def score(self, picture: Picture, context: RunContext) -> tuple[dict[str, float], list[Evidence]]:
        """For each category the chance that its best box is right, and the likely boxes."""
        found = await self.detector.detect_once(picture, context)
        chances = self.calibration.rate_boxes(found)
        scores, evidence = dict[str, float](), list[Evidence]()
        for category, classes in self._classes.items():
            rows = np.flatnonzero(np.isin(found.classes, classes))
            scores[category] = float(chances[rows].max(initial=0))
            evidence += [
                Evidence(
                    what=self.labels.labels[found.classes[row]].name,
                    score=round(float(chances[row]), 6),
                    detail=category,
                    box=_scale_box(found.boxes[row], picture),
                )
                for row in rows
                if chances[row] >= SHOWN_CHANCE
            ]
        return scores, evidence

    @cached_property
    def version(self) -> str:
        return "-".join(f"{one.version}-{one.sha256[:12]}" for one in self.detector.models)

    @cached_property
    def _classes(self) -> Mapping[str, NDArray[np.intp]]:
        return map_labels(self.mapping, self.labels)


def map_labels(mapping: Mapping[str, tuple[str, ...]], labels: LabelSet) -> dict[str, NDArray[np.intp]]:
    """Each category's classes; raises ValueError for a label that `labels` does not have."""
    index = {label.name: label.index for label in labels.labels}
    unknown = [name for names in mapping.values() for name in names if name not in index]
    if unknown:
        raise ValueError(f"objects.toml names labels that the detectors do not have: {', '.join(unknown)}")
    return {category: np.array([index[name] for name in names]) for category, names in mapping.items()}


def _scale_box(shares: NDArray[np.float32], picture: Picture) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (shares.astype(np.float64) * ([picture.width, picture.height] * 2)).round(1).tolist()
    return x0, y0, x1, y1
