"""The detector MTCNN: P-Net proposes faces on an image pyramid, R-Net filters crops of them, O-Net refines them.

Source: K. Zhang, Z. Zhang, Z. Li and Y. Qiao, "Joint Face Detection and Alignment Using Multitask
Cascaded Convolutional Networks" (IEEE Signal Processing Letters, 2016). The nets are in models/nets/mtcnn.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from models.arrays import Array
from models.manifest import Manifest
from pipelines.cpu_pool import CpuPool
from pipelines.faces.candidates import Candidates, Floats
from pipelines.faces.canvas import Canvas, MipPyramid, Pixels
from pipelines.faces.crops import cut_windows, map_to_picture
from pipelines.faces.detector import Calibration, Proposals, infer_timed
from pipelines.faces.pyramid import WINDOW, ImagePyramid, PnetOutput, keep_best_fast, propose_boxes
from pipelines.nms import keep_best
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

DEFAULT_SMALLEST_FACE = 22.0  # pixels of the picture, unless asked otherwise, as far as the canvases allow
FAST_PARTS = 12  # a fast search is for faces from a twelfth of the longer side on
MAX_SCALE = 1.6

# Scores from which a candidate is kept. The paper's are .6, .7 and .7; what O-Net doubts is listed with its score.
RNET_THRESHOLD, ONET_THRESHOLD = 0.6, 0.2

CALIBRATION = Calibration(verified=(-1.12, 0.27, 0.41), unverified=(0.51, 0.72))


@dataclass(frozen=True, slots=True)
class CropBatch:
    """Square windows of the picture: centres (N, 2), sides (N,), and pixels (N, size, size, 3)."""

    centres: Floats
    sides: Floats
    pixels: Pixels

    @classmethod
    def cut(cls, boxes: Floats, mips: MipPyramid, size: int) -> Self:
        """Cut windows around (N, 4) boxes, each as wide as its box's longer side."""
        centres, sides = (boxes[:, :2] + boxes[:, 2:]) * np.float32(0.5), (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
        return cls(centres, sides, cut_windows(mips, centres, sides, None, size))

    def apply_offsets(self, offsets: Floats) -> Floats:
        """(N, 4) boxes: the windows with their corners moved by `offsets` (N, 4), in window sides."""
        sides = self.sides[:, None]
        corners = np.concatenate([self.centres - sides / 2, self.centres + sides / 2], axis=1)
        boxes: Floats = (corners + offsets * sides).astype(np.float32)
        return boxes


@dataclass(frozen=True)
class MtcnnDetector:
    pnet: Manifest
    rnet: Manifest
    onet: Manifest
    used: tuple[ModelUsed, ...]
    infer: Infer
    infer_many: Infer
    pool: CpuPool
    name: str = "mtcnn"
    smallest_on_canvas: float = WINDOW
    calibration: Calibration = CALIBRATION
    filling_calibration: Calibration = CALIBRATION

    @property
    def models(self) -> list[ModelUsed]:
        return list(self.used)

    async def propose(
        self, mips: MipPyramid, *, smallest_face: float | None, is_thorough: bool, context: RunContext
    ) -> Proposals:
        coarse = 0.0 if is_thorough else max(mips.width, mips.height) / FAST_PARTS
        scale = min(WINDOW / (smallest_face or max(DEFAULT_SMALLEST_FACE, coarse)), MAX_SCALE)
        pyramid = ImagePyramid.plan(mips.width, mips.height, scale, self.pnet.input.sizes, is_split=is_thorough)
        if pyramid is None:
            return Proposals(Candidates.empty(), 1.0)
        with context.stage("preprocess"):
            pixels = await self.pool.run(pyramid.first.render, mips)
        outputs = [await self._run_pnet(pyramid.first, pixels, context)]
        if pyramid.finest is not None:
            with context.stage("preprocess"):
                second = await self.pool.run(_render_second, pyramid, outputs[0], mips)
            if second is not None:
                outputs.append(await self._run_pnet(*second, context))
        with context.stage("postprocess"):
            crops = await self.pool.run(_cut_proposals, outputs, mips, self.rnet.input.sizes[0][0])
        crops = await self._run_rnet(crops, mips, context)
        return Proposals(await self._run_onet(crops, context), pyramid.scale)

    async def _run_pnet(self, canvas: Canvas, pixels: Pixels, context: RunContext) -> PnetOutput:
        outputs = await infer_timed(self.infer, self.pnet.id, {self.pnet.input.name: pixels}, context)
        return PnetOutput(canvas, outputs["face"], outputs["box"])

    async def _run_rnet(self, crops: CropBatch, mips: MipPyramid, context: RunContext) -> CropBatch:
        """New crops around the candidates that R-Net keeps."""
        if not len(crops.sides):
            return crops
        outputs = await infer_timed(self.infer_many, self.rnet.id, {self.rnet.input.name: crops.pixels}, context)
        with context.stage("postprocess"):
            return await self.pool.run(_filter_crops, crops, outputs, mips, self.onet.input.sizes[0][0])

    async def _run_onet(self, crops: CropBatch, context: RunContext) -> Candidates:
        if not len(crops.sides):
            return Candidates.empty()
        outputs = await infer_timed(self.infer_many, self.onet.id, {self.onet.input.name: crops.pixels}, context)
        is_kept = outputs["face"] >= ONET_THRESHOLD
        landmarks = map_to_picture(outputs["landmarks"], crops.centres, crops.sides, np.zeros_like(crops.sides))
        boxes = crops.apply_offsets(outputs["box"])
        candidates = Candidates(boxes[is_kept], outputs["face"][is_kept], landmarks[is_kept]).merge_overlaps(iou=0.45)
        return candidates[keep_best(candidates.boxes, candidates.scores, iou=0.7, of_smaller=True)]


def _render_second(pyramid: ImagePyramid, first: PnetOutput, mips: MipPyramid) -> tuple[Canvas, Pixels] | None:
    canvas = pyramid.plan_second(first)
    return None if canvas is None else (canvas, canvas.render(mips))


def _cut_proposals(outputs: Sequence[PnetOutput], mips: MipPyramid, size: int) -> CropBatch:
    return CropBatch.cut(propose_boxes(outputs), mips, size)


def _filter_crops(crops: CropBatch, outputs: Mapping[str, Array], mips: MipPyramid, size: int) -> CropBatch:
    is_kept = outputs["face"] >= RNET_THRESHOLD
    boxes, scores = crops.apply_offsets(outputs["box"])[is_kept], outputs["face"][is_kept]
    return CropBatch.cut(boxes[keep_best_fast(boxes, scores, iou=0.7)], mips, size)
