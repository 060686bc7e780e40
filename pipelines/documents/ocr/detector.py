"""Finds lines of text in a page: once at the default scale, again if its text is too small or too large."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.concurrency import gather_or_cancel
from models.manifest import Manifest
from pipelines.cpu_pool import CpuPool
from pipelines.documents.ocr.crops import normalise
from pipelines.documents.ocr.db_postprocess import TextQuads, decode_text_quads
from pipelines.documents.ocr.tiling import TilePlan, default_scale, plan_look, plan_tiles
from pipelines.documents.stages import Pixels, QuadArray
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext

# Heights of lines in canvas pixels, after a core has grown to its line.
MIN_HEIGHT = 11.0  # lower letters run together: the median line should be higher
FINE_HEIGHT = 18.0  # of the median line in a second pass at a finer scale
MAX_HEIGHT = 200.0  # beyond, the net finds letters and parts of them
COARSE_HEIGHT = 80.0  # of the median large line in a pass at a coarser scale
UNKNOWN_HEIGHT = 400.0  # assumed if no line was found

SHRUNK_SCALE = 0.8  # a page without lines at a lower scale is searched at a finer one, too
MAX_SCALE = 2.0
MIN_CONTRAST = 12  # of 255, between the ink and the paper of a line


@dataclass(frozen=True, slots=True)
class TextLook:
    """Lines seen at low resolution, in the page's pixels, at `scale` canvas pixels for each of them."""

    boxes: TextQuads
    scale: float


@dataclass(frozen=True)
class TextDetector:
    manifest: Manifest
    infer: Infer
    pool: CpuPool

    async def find_lines(self, page: Pixels, context: RunContext) -> TextQuads:
        """All lines, in the page's pixels, in no order."""
        height, width = page.shape[:2]
        scale = default_scale(width, height)
        boxes = await self._detect(page, scale, context)
        if finer := _finer_scale(boxes, scale):
            boxes, scale = await self._detect(page, finer, context), finer
        if coarser := _coarser_scale(boxes, scale):
            boxes = _replace_large(boxes, await self._detect(page, coarser, context), MAX_HEIGHT / 2 / scale)
        return boxes

    async def look(self, page: Pixels, context: RunContext) -> TextLook:
        """One inference on a small canvas: finds what can be read at arm's length, and that there is smaller print."""
        height, width = page.shape[:2]
        plan = plan_look(width, height, self.manifest.input.sizes)
        return TextLook(await self._infer_plan(plan, page, context), plan.width / width)

    async def _detect(self, page: Pixels, scale: float, context: RunContext) -> TextQuads:
        height, width = page.shape[:2]
        return await self._infer_plan(plan_tiles(width, height, scale, self.manifest.input.sizes), page, context)

    async def _infer_plan(self, plan: TilePlan, page: Pixels, context: RunContext) -> TextQuads:
        with context.stage("preprocess"):
            tensors = await self.pool.run(self._make_tensors, plan, page)
        maps = await gather_or_cancel(*(self._infer_map(tensor, context) for tensor in tensors))
        with context.stage("postprocess"):
            return await self.pool.run(self._decode, plan, maps, page)

    def _make_tensors(self, plan: TilePlan, page: Pixels) -> list[NDArray[np.float32]]:
        return [np.ascontiguousarray(normalise(canvas, self.manifest.input)) for canvas in plan.render_tiles(page)]

    async def _infer_map(self, tensor: NDArray[np.float32], context: RunContext) -> NDArray[np.float32]:
        inputs = {self.manifest.input.name: tensor}
        answer = await self.infer(self.manifest.id, inputs, priority=context.priority, deadline=context.deadline)
        context.record_inference(answer)
        probabilities: NDArray[np.float32] = answer.outputs[self.manifest.outputs[0].name][0]
        return probabilities

    def _decode(self, plan: TilePlan, maps: Sequence[NDArray[np.float32]], page: Pixels) -> TextQuads:
        height, width = page.shape[:2]
        decision = self.manifest.decision
        threshold = decision.threshold if decision and decision.threshold is not None else 0.3
        found = decode_text_quads(plan.join_maps(maps), threshold=threshold)
        boxes = found.scale_to_page(width / plan.width, height / plan.height, width, height)
        return boxes[np.array([_has_ink(page, quad) for quad in boxes.quads], np.bool_)]


def _has_ink(page: Pixels, quad: QuadArray) -> bool:
    """Whether there is any contrast: now and then the net finds text on blank paper."""
    x0, y0 = quad.min(axis=0).astype(int)
    x1, y1 = np.ceil(quad.max(axis=0)).astype(int)
    part = page[y0:y1, x0:x1, 1]
    return int(part.max()) - int(part.min()) >= MIN_CONTRAST


def _finer_scale(boxes: TextQuads, scale: float) -> float | None:
    """The scale of a second pass; None if lines were large enough in the first."""
    if not len(boxes):
        return min(2 * scale, 1.0) if scale < SHRUNK_SCALE else None
    height = float(np.median(boxes.heights)) * scale
    finer = min(scale * FINE_HEIGHT / height, MAX_SCALE)
    return finer if height < MIN_HEIGHT and finer > scale * 1.2 else None


def _coarser_scale(boxes: TextQuads, scale: float) -> float | None:
    """The scale of a pass for lines that are too large, or if none was found; None if all are small enough."""
    heights = boxes.heights * scale
    large = heights[heights > MAX_HEIGHT]
    if len(boxes) and not len(large):
        return None
    return scale * COARSE_HEIGHT / float(np.median(large) if len(large) else UNKNOWN_HEIGHT)


def _replace_large(boxes: TextQuads, coarser: TextQuads, min_height: float) -> TextQuads:
    """With lines higher than `min_height` as the coarser pass found them, if it found any."""
    large = coarser[coarser.heights > min_height]
    return TextQuads.concatenate([boxes[boxes.heights <= min_height], large]) if len(large) else boxes
