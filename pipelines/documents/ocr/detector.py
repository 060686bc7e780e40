"""Finds lines of text in a page: one look at the whole of it, and another where its text is too small or too large."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.concurrency import gather_or_cancel
from models.manifest import Manifest
from pipelines.cpu_pool import CpuPool
from pipelines.documents.ocr.crops import normalised
from pipelines.documents.ocr.db_postprocess import Boxes, decode
from pipelines.documents.ocr.tiling import Plan, plan, usual_scale
from pipelines.documents.stages import Pixels, Quads
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext

SMALLEST = 11.0  # median height on the canvas, grown as lines are, below which letters run together
BEST = 18.0  # the height that a closer look is for
NOTHING_SEEN = 0.5  # a page that was shrunk this much and shows nothing is looked at closer, too
CLOSEST = 2.0
LARGEST = 200.0  # height on the canvas beyond which the net sees letters and parts of them
COMFORTABLE = 80.0  # the height that a look from farther away is for
UNKNOWN = 400.0  # taken for the height of lines where nothing is seen
LEAST_CONTRAST = 12  # of 255, between the ink and the paper of a line


@dataclass(frozen=True)
class Detector:
    manifest: Manifest
    infer: Infer
    pool: CpuPool

    async def find(self, page: Pixels, context: RunContext) -> Boxes:
        """All lines, in the page's pixels, in no order."""
        height, width = page.shape[:2]
        scale = usual_scale(width, height)
        boxes = await self._looked(page, scale, context)
        if closer := _closer(boxes, scale):
            boxes, scale = await self._looked(page, closer, context), closer
        if farther := _farther(boxes, scale):
            boxes = _with_large(boxes, await self._looked(page, farther, context), LARGEST / 2 / scale)
        return boxes

    async def _looked(self, page: Pixels, scale: float, context: RunContext) -> Boxes:
        height, width = page.shape[:2]
        layout = plan(width, height, scale, self.manifest.input.sizes)
        with context.stage("preprocess"):
            tensors = await self.pool.run(self._tensors, layout, page)
        answers = await gather_or_cancel(*(self._answered(one, context) for one in tensors))
        with context.stage("postprocess"):
            return await self.pool.run(self._boxes, layout, answers, page)

    def _tensors(self, layout: Plan, page: Pixels) -> list[NDArray[np.float32]]:
        return [np.ascontiguousarray(normalised(one, self.manifest.input)) for one in layout.render(page)]

    async def _answered(self, tensor: NDArray[np.float32], context: RunContext) -> NDArray[np.float32]:
        inputs = {self.manifest.input.name: tensor}
        answer = await self.infer(self.manifest.id, inputs, priority=context.priority, deadline=context.deadline)
        context.inferred(answer)
        probabilities: NDArray[np.float32] = answer.outputs[self.manifest.outputs[0].name][0]
        return probabilities

    def _boxes(self, layout: Plan, answers: Sequence[NDArray[np.float32]], page: Pixels) -> Boxes:
        height, width = page.shape[:2]
        decision = self.manifest.decision
        threshold = decision.threshold if decision and decision.threshold is not None else 0.3
        found = decode(layout.joined(answers), threshold=threshold)
        boxes = found.scaled(width / layout.width, height / layout.height, width, height)
        return boxes[np.array([_has_ink(page, quad) for quad in boxes.quads], np.bool_)]


def _has_ink(page: Pixels, quad: Quads) -> bool:
    """The net sees text in the middle of nothing now and then."""
    x0, y0 = quad.min(axis=0).astype(int)
    x1, y1 = np.ceil(quad.max(axis=0)).astype(int)
    part = page[y0:y1, x0:x1, 1]
    return int(part.max()) - int(part.min()) >= LEAST_CONTRAST


def _closer(boxes: Boxes, scale: float) -> float | None:
    """The scale of another look; None where the first was close enough."""
    if not len(boxes):
        return min(2 * scale, 1.0) if scale < NOTHING_SEEN else None
    seen = float(np.median(boxes.heights)) * scale
    closer = min(scale * BEST / seen, CLOSEST)
    return closer if seen < SMALLEST and closer > scale * 1.2 else None


def _farther(boxes: Boxes, scale: float) -> float | None:
    """The scale of a look at lines that are too large, or at nothing; None where all lines are small enough."""
    seen = boxes.heights * scale
    large = seen[seen > LARGEST]
    if len(boxes) and not len(large):
        return None
    return scale * COMFORTABLE / float(np.median(large) if len(large) else UNKNOWN)


def _with_large(boxes: Boxes, farther: Boxes, least: float) -> Boxes:
    """With lines higher than `least` as they were seen from farther away, if any were."""
    large = farther[farther.heights > least]
    return Boxes.joined([boxes[boxes.heights <= least], large]) if len(large) else boxes
