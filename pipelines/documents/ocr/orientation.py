"""Tells from which end lines are read, by a classifier, and a page's skew from the angles of its lines."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.manifest import Manifest
from pipelines.cpu_pool import CpuPool
from pipelines.documents.ocr.crops import crop_line, make_tensor
from pipelines.documents.ocr.db_postprocess import TextQuads
from pipelines.documents.stages import Pixels
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext

MIN_SKEW_LENGTH = 5.0  # in heights of the line: shorter ones do not show the page's skew
MAX_SKEW, MIN_SKEW = 10.0, 0.5  # degrees; below, straightening each crop is enough
MAX_SKEW_SPREAD = 1.0  # degrees: at least half of the lines are this close to the median


@dataclass(frozen=True)
class OrientationDetector:
    manifest: Manifest
    infer_many: Infer
    pool: CpuPool

    async def orient_vertical_lines(self, page: Pixels, boxes: TextQuads, context: RunContext) -> TextQuads:
        """With vertical lines that run up the page read from below."""
        is_vertical = boxes.is_vertical
        if not is_vertical.any():
            return boxes
        runs_up = is_vertical.copy()
        runs_up[is_vertical] = await self.upside_down_probabilities(page, boxes[is_vertical], context) > 0.5
        return boxes.reverse(runs_up)

    async def upside_down_probabilities(
        self, page: Pixels, boxes: TextQuads, context: RunContext
    ) -> NDArray[np.float32]:
        """(N,) probability that each line would be read from its wrong end."""
        with context.stage("preprocess"):
            crops = await self.pool.run(self._make_tensor, page, boxes)
        answer = await self.infer_many(
            self.manifest.id, {self.manifest.input.name: crops}, priority=context.priority, deadline=context.deadline
        )
        context.record_inference(answer)
        probabilities: NDArray[np.float32] = answer.outputs[self.manifest.outputs[0].name][:, 1]
        return probabilities

    def _make_tensor(self, page: Pixels, boxes: TextQuads) -> NDArray[np.float32]:
        """The beginnings of the lines: a long line squeezed into the net's width is illegible."""
        height, width = self.manifest.input.sizes[0]
        crops = [crop_line(page, quad, height=height)[:, :width] for quad in boxes.quads]
        return make_tensor(crops, self.manifest.input, width)


def measure_skew(boxes: TextQuads) -> float:
    """Degrees clockwise by which the lines of an upright page slant; 0 if they do not, or disagree."""
    long = boxes[(boxes.lengths >= MIN_SKEW_LENGTH * boxes.heights) & ~boxes.is_vertical]
    if not len(long):
        return 0.0
    skew = _weighted_median(long.angles, long.lengths)
    spread = _weighted_median(np.abs(long.angles - skew), long.lengths)
    return round(skew, 2) if MIN_SKEW <= abs(skew) <= MAX_SKEW and spread <= MAX_SKEW_SPREAD else 0.0


def _weighted_median(values: NDArray[np.float32], weights: NDArray[np.float32]) -> float:
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(cumulative, cumulative[-1] / 2)])
