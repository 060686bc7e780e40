"""Which way up a page is, and how much it slants: from its boxes and a look at some of its lines."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.manifest import Manifest
from pipelines.cpu_pool import CpuPool
from pipelines.documents.coordinates import Rotation
from pipelines.documents.ocr.crops import cut, tensor
from pipelines.documents.ocr.db_postprocess import Boxes
from pipelines.documents.stages import Pixels
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext

SAMPLE = 16  # lines that say which way up a page is
LEGIBLE = 8.0  # pixels: lower lines say little
LONG = 5.0  # times its height: a line that shows the page's slant
MOST_SKEW, LEAST_SKEW = 10.0, 0.5  # degrees; below, the crops' own straightening is enough
AGREED = 1.0  # degrees that half of the lines are from the median at most


@dataclass(frozen=True)
class Orientation:
    manifest: Manifest
    infer_many: Infer
    pool: CpuPool

    async def rotation(self, page: Pixels, boxes: Boxes, context: RunContext) -> Rotation:
        """Degrees clockwise by which the page's content was turned: 0 where nothing speaks against it."""
        if not len(boxes):
            return 0
        lies = float(boxes.lengths[boxes.are_tall].sum()) > float(boxes.lengths.sum()) / 2
        alike = boxes[boxes.are_tall == lies]
        legible = alike[alike.heights >= min(LEGIBLE, float(np.median(alike.heights)))]
        sample = legible[np.argsort(-legible.lengths)[:SAMPLE]]
        turned = await self.upside_down(page, sample, context)
        is_reversed = float(np.mean(turned)) > 0.5
        if lies:
            return 270 if is_reversed else 90
        return 180 if is_reversed else 0

    async def righted(self, page: Pixels, boxes: Boxes, context: RunContext) -> Boxes:
        """With lines that run up a page read from below."""
        tall = boxes.are_tall
        if not tall.any():
            return boxes
        reversed_ = tall.copy()
        reversed_[tall] = await self.upside_down(page, boxes[tall], context) > 0.5
        return boxes.reversed(reversed_)

    async def upside_down(self, page: Pixels, boxes: Boxes, context: RunContext) -> NDArray[np.float32]:
        """(N,) probability that each line is read from its wrong end."""
        with context.stage("preprocess"):
            crops = await self.pool.run(self._crops, page, boxes)
        answer = await self.infer_many(
            self.manifest.id, {self.manifest.input.name: crops}, priority=context.priority, deadline=context.deadline
        )
        context.inferred(answer)
        probabilities: NDArray[np.float32] = answer.outputs[self.manifest.outputs[0].name][:, 1]
        return probabilities

    def _crops(self, page: Pixels, boxes: Boxes) -> NDArray[np.float32]:
        """Beginnings of the lines: a long one squeezed into the net's width is illegible."""
        height, width = self.manifest.input.sizes[0]
        crops = [cut(page, quad, height=height)[:, :width] for quad in boxes.quads]
        return tensor(crops, self.manifest.input, width)


def skew_of(boxes: Boxes) -> float:
    """Degrees clockwise by which the lines of an upright page slant; 0 where they do not, or disagree."""
    long = boxes[(boxes.lengths >= LONG * boxes.heights) & ~boxes.are_tall]
    if not len(long):
        return 0.0
    skew = _weighted_median(long.angles, long.lengths)
    spread = _weighted_median(np.abs(long.angles - skew), long.lengths)
    return round(skew, 2) if LEAST_SKEW <= abs(skew) <= MOST_SKEW and spread <= AGREED else 0.0


def _weighted_median(values: NDArray[np.float32], weights: NDArray[np.float32]) -> float:
    order = np.argsort(values)
    passed = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(passed, passed[-1] / 2)])
