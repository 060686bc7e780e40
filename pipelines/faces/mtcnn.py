"""MTCNN: an image pyramid on one canvas for P-Net, then crops for R-Net, then crops for O-Net.

Source: K. Zhang, Z. Zhang, Z. Li and Y. Qiao, "Joint Face Detection and Alignment Using Multitask
Cascaded Convolutional Networks" (IEEE Signal Processing Letters, 2016). The nets are in models/nets/mtcnn.py.
"""

from dataclasses import dataclass

import numpy as np

from models.manifest import Manifest
from models.session import Array
from pipelines.faces.candidates import Candidates, Floats, keep_best
from pipelines.faces.crops import to_picture, windows
from pipelines.faces.detector import Calibration, Proposals, timed
from pipelines.faces.views import Canvas, Mips, View, pack
from pipelines.pipeline import Call, CpuPool, Infer
from pipelines.types import ModelUsed

CELL, STRIDE = 12, 2  # P-Net's window and step on the canvas, in pixels
SHRINK = 0.709  # from one level of the pyramid to the next: half the area
SMALLEST_FACE = 24.0  # pixels of the picture, where nothing else is asked and the canvas allows it
COARSE = 12  # a fast look is for faces from this part of the longer side on
MOST_ENLARGED = 1.6

# Scores that a candidate needs to go on. The paper's are .6, .7 and .7; what O-Net doubts is listed with its score.
PROPOSED, FILTERED, REFINED = 0.7, 0.6, 0.2
MOST_PROPOSALS = 1000

CALIBRATION = Calibration(checked=(-1.82, 0.38, 0.45), unchecked=(0.51, 0.44))


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

    @property
    def models(self) -> list[ModelUsed]:
        return list(self.used)

    async def propose(self, mips: Mips, *, smallest: float | None, is_thorough: bool, call: Call) -> Proposals:
        default = SMALLEST_FACE if is_thorough else max(SMALLEST_FACE, max(mips.width, mips.height) / COARSE)
        canvas = self._pyramid(mips.width, mips.height, CELL / (smallest or default))
        if canvas is None:
            return Proposals(Candidates.none(), 1.0)
        boxes = await self._proposed(mips, canvas, call)
        boxes = await self._filtered(mips, boxes, call)
        return Proposals(await self._refined(mips, boxes, call), canvas.views[0].scale)

    def _pyramid(self, width: int, height: int, finest: float) -> Canvas | None:
        """All levels on one canvas, the finest as fine as fits; None where not even one window does."""
        scale = min(finest, MOST_ENLARGED)
        while True:
            views = _levels(width, height, scale)
            if not views:
                return None
            if (canvas := pack(self.pnet.input.sizes, views)) is not None:
                return canvas
            scale *= 0.93

    async def _proposed(self, mips: Mips, canvas: Canvas, call: Call) -> Floats:
        with call.stage("preprocess"):
            pixels = await self.pool.run(canvas.render, mips)
        outputs = await timed(self.infer, self.pnet.id, {self.pnet.input.name: pixels}, call)
        with call.stage("postprocess"):
            return await self.pool.run(proposals, outputs["face"], outputs["box"], canvas)

    async def _filtered(self, mips: Mips, boxes: Floats, call: Call) -> Floats:
        if not len(boxes):
            return boxes
        centres, sides = _squares(boxes)
        with call.stage("preprocess"):
            crops = await self.pool.run(windows, mips, centres, sides, None, self.rnet.input.sizes[0][0])
        outputs = await timed(self.infer_many, self.rnet.id, {self.rnet.input.name: crops}, call)
        good = outputs["face"] >= FILTERED
        better = _shifted(centres[good], sides[good], outputs["box"][good])
        return better[keep_best(better, outputs["face"][good], iou=0.7)]

    async def _refined(self, mips: Mips, boxes: Floats, call: Call) -> Candidates:
        if not len(boxes):
            return Candidates.none()
        centres, sides = _squares(boxes)
        with call.stage("preprocess"):
            crops = await self.pool.run(windows, mips, centres, sides, None, self.onet.input.sizes[0][0])
        outputs = await timed(self.infer_many, self.onet.id, {self.onet.input.name: crops}, call)
        good = outputs["face"] >= REFINED
        landmarks = to_picture(outputs["landmarks"], centres, sides, np.zeros_like(sides))
        found = Candidates(
            _shifted(centres[good], sides[good], outputs["box"][good]), outputs["face"][good], landmarks[good]
        )
        found = found[keep_best(found.boxes, found.scores, iou=0.7, of_smaller=True)]
        return found.distinct(iou=0.45)


def _levels(width: int, height: int, finest: float) -> list[View]:
    views = []
    scale = finest
    while min(width, height) * scale >= CELL:
        views.append(View((0, 0, width, height), round(width * scale), round(height * scale)))
        scale *= SHRINK
    return views


def proposals(face: Array, box: Array, canvas: Canvas) -> Floats:
    """P-Net's answers, (H, W) and (H, W, 4), to (N, 4) boxes in the picture.

    A window that reaches over the edge of its level sees two levels at once, or nothing: it does not count.
    """
    rows, columns = np.nonzero(face >= PROPOSED)
    corners = np.stack([columns, rows], axis=1).astype(np.float32) * STRIDE
    scores, offsets = face[rows, columns], box[rows, columns] * CELL
    parts = []
    for view in canvas.views:
        inside = view.holds(corners) & view.holds(corners + (CELL - 1))
        first = corners[inside]
        boxes = np.concatenate([first, first + CELL], axis=1) + offsets[inside]
        level = Candidates(boxes, scores[inside], np.zeros((len(boxes), 5, 2), np.float32)).distinct(iou=0.5)
        parts.append(Candidates(view.undo(level.boxes.reshape(-1, 2, 2)).reshape(-1, 4), level.scores, level.landmarks))
    return Candidates.joined(parts).distinct(iou=0.7).boxes[:MOST_PROPOSALS]


def _squares(boxes: Floats) -> tuple[Floats, Floats]:
    """Centres (N, 2), and sides (N,) as long as each box's longer one."""
    return (boxes[:, :2] + boxes[:, 2:]) * np.float32(0.5), (boxes[:, 2:] - boxes[:, :2]).max(axis=1)


def _shifted(centres: Floats, sides: Floats, offsets: Floats) -> Floats:
    """Square windows to boxes whose corners are `offsets` (N, 4) off, in window sides."""
    corners = np.concatenate([centres - sides[:, None] / 2, centres + sides[:, None] / 2], axis=1)
    boxes: Floats = (corners + offsets * sides[:, None]).astype(np.float32)
    return boxes
