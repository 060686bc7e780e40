"""MTCNN: an image pyramid on one canvas for P-Net, then crops for R-Net, then crops for O-Net.

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
from pipelines.faces.canvas import Canvas, Mips, Pixels
from pipelines.faces.crops import to_picture, windows
from pipelines.faces.detector import Calibration, Proposals, timed
from pipelines.faces.pyramid import CELL, Look, Pyramid, proposals, suppressed
from pipelines.nms import keep_best
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

SMALLEST_FACE = 22.0  # pixels of the picture, where nothing else is asked and the canvas allows it
COARSE = 12  # a fast look is for faces from this part of the longer side on
MOST_ENLARGED = 1.6

# Scores that a candidate needs to go on. The paper's are .6, .7 and .7; what O-Net doubts is listed with its score.
FILTERED, REFINED = 0.6, 0.2

CALIBRATION = Calibration(checked=(-1.12, 0.27, 0.41), unchecked=(0.51, 0.72))


@dataclass(frozen=True, slots=True)
class Crops:
    """Square windows of the picture: centres (N, 2), sides (N,), and what they show, (N, size, size, 3)."""

    centres: Floats
    sides: Floats
    pixels: Pixels

    @classmethod
    def of(cls, boxes: Floats, mips: Mips, size: int) -> Self:
        """Windows around (N, 4) boxes, as long as each one's longer side."""
        centres, sides = (boxes[:, :2] + boxes[:, 2:]) * np.float32(0.5), (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
        return cls(centres, sides, windows(mips, centres, sides, None, size))

    def shifted(self, offsets: Floats) -> Floats:
        """Windows to boxes (N, 4) whose corners are `offsets` (N, 4) off, in window sides."""
        sides = self.sides[:, None]
        corners = np.concatenate([self.centres - sides / 2, self.centres + sides / 2], axis=1)
        boxes: Floats = (corners + offsets * sides).astype(np.float32)
        return boxes


@dataclass(frozen=True)
class Mtcnn:
    pnet: Manifest
    rnet: Manifest
    onet: Manifest
    used: tuple[ModelUsed, ...]
    infer: Infer
    infer_many: Infer
    pool: CpuPool
    name: str = "mtcnn"
    smallest: float = CELL
    calibration: Calibration = CALIBRATION
    filling: Calibration = CALIBRATION

    @property
    def models(self) -> list[ModelUsed]:
        return list(self.used)

    async def propose(self, mips: Mips, *, smallest: float | None, is_thorough: bool, context: RunContext) -> Proposals:
        default = SMALLEST_FACE if is_thorough else max(SMALLEST_FACE, max(mips.width, mips.height) / COARSE)
        scale = min(CELL / (smallest or default), MOST_ENLARGED)
        pyramid = Pyramid.of(mips.width, mips.height, scale, self.pnet.input.sizes, is_split=is_thorough)
        if pyramid is None:
            return Proposals(Candidates.none(), 1.0)
        with context.stage("preprocess"):
            pixels = await self.pool.run(pyramid.first.render, mips)
        looks = [await self._look(pyramid.first, pixels, context)]
        if pyramid.finest is not None:
            with context.stage("preprocess"):
                second = await self.pool.run(_second, pyramid, looks[0], mips)
            if second is not None:
                looks.append(await self._look(*second, context))
        with context.stage("postprocess"):
            crops = await self.pool.run(_proposed, looks, mips, self.rnet.input.sizes[0][0])
        return Proposals(await self._refined(await self._filtered(crops, mips, context), context), pyramid.scale)

    async def _look(self, canvas: Canvas, pixels: Pixels, context: RunContext) -> Look:
        outputs = await timed(self.infer, self.pnet.id, {self.pnet.input.name: pixels}, context)
        return Look(canvas, outputs["face"], outputs["box"])

    async def _filtered(self, crops: Crops, mips: Mips, context: RunContext) -> Crops:
        if not len(crops.sides):
            return crops
        outputs = await timed(self.infer_many, self.rnet.id, {self.rnet.input.name: crops.pixels}, context)
        with context.stage("postprocess"):
            return await self.pool.run(_filtered, crops, outputs, mips, self.onet.input.sizes[0][0])

    async def _refined(self, crops: Crops, context: RunContext) -> Candidates:
        if not len(crops.sides):
            return Candidates.none()
        outputs = await timed(self.infer_many, self.onet.id, {self.onet.input.name: crops.pixels}, context)
        good = outputs["face"] >= REFINED
        landmarks = to_picture(outputs["landmarks"], crops.centres, crops.sides, np.zeros_like(crops.sides))
        found = Candidates(crops.shifted(outputs["box"])[good], outputs["face"][good], landmarks[good])
        found = found.voted(iou=0.45)
        return found[keep_best(found.boxes, found.scores, iou=0.7, of_smaller=True)]


def _second(pyramid: Pyramid, first: Look, mips: Mips) -> tuple[Canvas, Pixels] | None:
    canvas = pyramid.second(first)
    return None if canvas is None else (canvas, canvas.render(mips))


def _proposed(looks: Sequence[Look], mips: Mips, size: int) -> Crops:
    return Crops.of(proposals(looks), mips, size)


def _filtered(crops: Crops, outputs: Mapping[str, Array], mips: Mips, size: int) -> Crops:
    good = outputs["face"] >= FILTERED
    boxes, scores = crops.shifted(outputs["box"])[good], outputs["face"][good]
    return Crops.of(boxes[suppressed(boxes, scores, iou=0.7)], mips, size)
