"""YuNet: one fully convolutional pass per scale, from coarse to as fine as the faces in the picture ask for.

Source: W. Wu, H. Peng and S. Yu, "YuNet: A Tiny Millisecond-level Face Detector" (Machine
Intelligence Research, 2023); weights from libfacedetection.train. Decoding and suppression are ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

from models.arrays import Array
from models.concurrency import gather_or_cancel
from models.manifest import Manifest
from pipelines.cpu_pool import CpuPool
from pipelines.faces.candidates import Candidates, Floats
from pipelines.faces.canvas import Canvas, Mips, View, whole
from pipelines.faces.canvas import smallest as smallest_canvas
from pipelines.faces.detector import Calibration, Proposals, timed
from pipelines.faces.regions import around, packed, tiles
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

STRIDES = (8, 16, 32)


@dataclass(frozen=True, slots=True)
class Level:
    """One look: the picture's longer side in pixels on the canvas, but enlarged by no more than `enlarged`.

    Candidates whose sides are under `unsure` pixels there are looked at again at the next level.
    """

    longer_side: int
    enlarged: float
    unsure: float


# From coarse to fine. Portraits need the first only. Enlarging small pictures finds more small faces up to 1.6 times
# (+.05 AP), beyond it invents faces; large ones are not enlarged at all.
LEVELS = (Level(256, 1.0, 16), Level(704, 1.6, 12), Level(1600, 1.0, 16), Level(3200, 1.0, 0))
SINGLE = 448  # pixels of the longer side, where there is one look only: OpenCV's accuracy in half its time
# Around a small candidate, this many of its sides each way are looked at again; 1 is too little context.
MARGIN = 1.3
GRAIN = 8.0  # pixels on the coarser canvas: finest step of such a region's edges
# Where the first look shrinks a picture to less than this and sees nothing of this score, it may have missed a crowd.
LARGE_PICTURE, SEEN = 0.2, 0.4
TILE, OVERLAP = 800, 96
SMALL_PICTURE = 80_000  # pixels that are copied in less time than the way to a thread and back takes
MOST_CANVASES = 24

# Raw scores. Under .08 is no hint of a face, not even of one that lies on its side: of those, 1 in 100 is missed, and
# half of the pictures without a face are done. What is under .2 is an upright face once in a hundred times.
HINT, CANDIDATE = 0.08, 0.2
IOU = 0.45

CALIBRATION = Calibration(
    checked=(-2.66, 1.78, 0.29), unchecked=(-1.74, 2.32), smallest_checked=28.0, weakest_checked=0.4
)
# A picture with room around it shows faces that fill it, and little else that looks like one. Stricter than what was
# fitted on labelled faces cut to their inner 60 to 100 % and parts of pictures without faces: those are rarer in use.
FILLING = Calibration(checked=(0.3, 1.3, 0.4), unchecked=(-1.74, 2.32), smallest_checked=28.0, weakest_checked=0.3)


@dataclass(frozen=True)
class YuNet:
    manifest: Manifest
    used: ModelUsed
    infer: Infer
    pool: CpuPool
    name: str = "yunet"
    smallest: float = 10.0
    calibration: Calibration = CALIBRATION
    filling: Calibration = FILLING

    @property
    def models(self) -> list[ModelUsed]:
        return [self.used]

    async def propose(self, mips: Mips, *, smallest: float | None, is_thorough: bool, context: RunContext) -> Proposals:
        longer_side = LEVELS[0].longer_side if is_thorough else SINGLE
        if smallest is not None and not is_thorough:  # one look has to do
            longer_side = min(
                max(longer_side, round(max(mips.width, mips.height) * 2 * self.smallest / smallest)), TILE
            )
        view = whole(mips.width, mips.height, longer_side=longer_side, most=LEVELS[0].enlarged)
        alone = Canvas(*smallest_canvas(self.manifest.input.sizes, view.width, view.height), (view,))
        finest, parts = view.scale, [await self._look(mips, [alone], context)]
        for coarse, fine in pairwise(LEVELS) if is_thorough else ():
            scale = whole(mips.width, mips.height, longer_side=fine.longer_side, most=fine.enlarged).scale
            if scale <= finest * 1.05 or not (views := self._finer(mips, parts, coarse, finest, scale, smallest)):
                break
            canvases = await self.pool.run(packed, self.manifest.input.sizes, views)
            if len(canvases) > MOST_CANVASES:
                break
            parts.append(await self._look(mips, canvases, context))
            finest = scale
        seen = Candidates.joined(parts)
        return Proposals(seen[seen.scores >= CANDIDATE].voted(iou=IOU), finest, has_hints=len(seen) > 0)

    def _finer(
        self, mips: Mips, parts: list[Candidates], level: Level, scale: float, finer: float, smallest: float | None
    ) -> list[View]:
        """What to look at at the `finer` scale: all of it for the smallest face asked for or a crowd that may be
        missed; else where small faces were seen.
        """
        last, regions = parts[-1], [(0, 0, mips.width, mips.height)]
        if smallest is not None:
            regions = regions if smallest * scale < self.smallest else []
        elif len(parts) > 1 or scale >= LARGE_PICTURE or (last.scores >= SEEN).any():
            small = last.boxes[(last.sides * scale < level.unsure) & (last.scores >= CANDIDATE)]
            regions = around(small, mips.width, mips.height, margin=MARGIN, grain=GRAIN / scale)
        return [view for one in regions for view in tiles(one, scale=finer, side=TILE, overlap=OVERLAP)]

    async def _look(self, mips: Mips, canvases: list[Canvas], context: RunContext) -> Candidates:
        return Candidates.joined(await gather_or_cancel(*(self._look_at(mips, canvas, context) for canvas in canvases)))

    async def _look_at(self, mips: Mips, canvas: Canvas, context: RunContext) -> Candidates:
        with context.stage("preprocess"):
            is_small = mips.width * mips.height <= SMALL_PICTURE
            pixels = canvas.render(mips) if is_small else await self.pool.run(canvas.render, mips)
        outputs = await timed(self.infer, self.manifest.id, {self.manifest.input.name: pixels}, context)
        with context.stage("postprocess"):
            return canvas.undo(decode(outputs, canvas.height, canvas.width))


def decode(outputs: Mapping[str, Array], height: int, width: int) -> Candidates:
    """Scores (cells,) and offsets (14, cells) of a canvas of `height` x `width` to candidates on it."""
    scores = outputs["scores"]
    (cells,) = np.nonzero(scores >= HINT)
    anchors, strides = (values[cells] for values in _grid(height, width))
    offsets = outputs["offsets"][:, cells].T
    centres, halves = anchors + offsets[:, :2], np.exp(offsets[:, 2:4]) * np.float32(0.5)
    boxes = np.concatenate([centres - halves, centres + halves], axis=1) * strides
    landmarks = (anchors[:, None] + offsets[:, 4:].reshape(-1, 5, 2)) * strides[:, None]
    return Candidates(boxes, scores[cells], landmarks)


@cache
def _grid(height: int, width: int) -> tuple[Floats, Floats]:
    """Each cell's column and row (N, 2), and its stride (N, 1), over all strides."""
    parts = [np.indices((height // stride, width // stride))[::-1].reshape(2, -1).T for stride in STRIDES]
    strides = [np.full((len(part), 1), stride) for part, stride in zip(parts, STRIDES, strict=True)]
    return np.concatenate(parts).astype(np.float32), np.concatenate(strides).astype(np.float32)
