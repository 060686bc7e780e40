"""The detector YuNet: one fully convolutional pass per scale, from coarse to as fine as the picture's faces need.

Source: W. Wu, H. Peng and S. Yu, "YuNet: A Tiny Millisecond-level Face Detector" (Machine
Intelligence Research, 2023); weights from libfacedetection.train. Decoding and suppression are our own.
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
from pipelines.faces.canvas import Canvas, MipPyramid, View, choose_canvas_size, fit_whole
from pipelines.faces.detector import Calibration, Proposals, infer_timed
from pipelines.faces.regions import cut_tiles, enclose_boxes, pack_onto_canvases
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

STRIDES = (8, 16, 32)


@dataclass(frozen=True, slots=True)
class SearchLevel:
    """One pass: the picture's longer side in pixels on the canvas, but at a scale of `max_scale` at most.

    Candidates with sides under `unsure_below` pixels there are searched again at the next level.
    """

    longer_side: int
    max_scale: float
    unsure_below: float


# From coarse to fine; portraits need only the first. Up to 1.6 times, enlarging small pictures finds more small faces
# (+.05 AP); beyond, it invents faces. Large pictures are not enlarged at all.
LEVELS = (SearchLevel(256, 1.0, 16), SearchLevel(704, 1.6, 12), SearchLevel(1600, 1.0, 16), SearchLevel(3200, 1.0, 0))
FAST_LONGER_SIDE = 448  # pixels of the longer side in a fast search, one pass: OpenCV's accuracy in half its time
# Around a small candidate, so many of its sides each way are searched again; 1 is too little context.
MARGIN = 1.3
GRAIN = 8.0  # pixels on the coarser canvas: the edges of such a region lie on multiples of it
# Where the first pass shrinks a picture to less than this scale and finds nothing of this score, it may have missed a
# crowd.
CROWD_SCALE, CROWD_SCORE = 0.2, 0.4
TILE_SIDE, TILE_OVERLAP = 800, 96
SMALL_PICTURE = 80_000  # pixels; copying them takes less time than the way to a thread and back
MAX_CANVASES = 24

# Raw scores. Under .08 there is no hint of a face, not even of one that lies on its side: this misses 1 in 100 of
# those, and ends the search of half the pictures without a face. Under .2, one candidate in 100 is an upright face.
HINT_SCORE, CANDIDATE_SCORE = 0.08, 0.2
IOU = 0.45

CALIBRATION = Calibration(
    verified=(-2.66, 1.78, 0.29), unverified=(-1.74, 2.32), smallest_verified=28.0, weakest_verified=0.4
)
# With room around the picture, faces that fill it show, and little else looks like a face. Stricter than the fit on
# labelled faces cut to their inner 60 to 100 % and on parts of pictures without faces: filling faces are rarer in use.
FILLING_CALIBRATION = Calibration(
    verified=(0.3, 1.3, 0.4), unverified=(-1.74, 2.32), smallest_verified=28.0, weakest_verified=0.3
)


@dataclass(frozen=True)
class YuNetDetector:
    manifest: Manifest
    used: ModelUsed
    infer: Infer
    pool: CpuPool
    name: str = "yunet"
    smallest_on_canvas: float = 10.0
    calibration: Calibration = CALIBRATION
    filling_calibration: Calibration = FILLING_CALIBRATION

    @property
    def models(self) -> list[ModelUsed]:
        return [self.used]

    async def propose(
        self, mips: MipPyramid, *, smallest_face: float | None, is_thorough: bool, context: RunContext
    ) -> Proposals:
        longer_side = LEVELS[0].longer_side if is_thorough else self._choose_fast_side(mips, smallest_face)
        view = fit_whole(mips.width, mips.height, longer_side=longer_side, max_scale=LEVELS[0].max_scale)
        canvas = Canvas(*choose_canvas_size(self.manifest.input.sizes, view.width, view.height), (view,))
        finest, parts = view.scale, [await self._detect_on_all(mips, [canvas], context)]
        for coarse, fine in pairwise(LEVELS) if is_thorough else ():
            scale = fit_whole(mips.width, mips.height, longer_side=fine.longer_side, max_scale=fine.max_scale).scale
            if scale <= finest * 1.05:
                break
            views = self._plan_finer_views(mips, parts, coarse, finest, scale, smallest_face)
            if not views:
                break
            canvases = await self.pool.run(pack_onto_canvases, self.manifest.input.sizes, views)
            if len(canvases) > MAX_CANVASES:
                break
            parts.append(await self._detect_on_all(mips, canvases, context))
            finest = scale
        hints = Candidates.concatenate(parts)
        candidates = hints[hints.scores >= CANDIDATE_SCORE].merge_overlaps(iou=IOU)
        return Proposals(candidates, finest, has_hints=len(hints) > 0)

    def _choose_fast_side(self, mips: MipPyramid, smallest_face: float | None) -> int:
        """The picture's longer side on the canvas of a fast search, whose single pass must show `smallest_face`."""
        if smallest_face is None:
            return FAST_LONGER_SIDE
        needed: int = round(max(mips.width, mips.height) * 2 * self.smallest_on_canvas / smallest_face)
        return min(max(FAST_LONGER_SIDE, needed), TILE_SIDE)

    def _plan_finer_views(
        self,
        mips: MipPyramid,
        parts: list[Candidates],
        level: SearchLevel,
        scale: float,
        finer: float,
        smallest_face: float | None,
    ) -> list[View]:
        """Views to search at the scale `finer`.

        They show all of the picture for the smallest face asked for, or for a crowd that may be missed; else the
        regions of small candidates.
        """
        last, regions = parts[-1], [(0, 0, mips.width, mips.height)]
        if smallest_face is not None:
            regions = regions if smallest_face * scale < self.smallest_on_canvas else []
        elif len(parts) > 1 or scale >= CROWD_SCALE or (last.scores >= CROWD_SCORE).any():
            small = last.boxes[(last.sides * scale < level.unsure_below) & (last.scores >= CANDIDATE_SCORE)]
            regions = enclose_boxes(small, mips.width, mips.height, margin=MARGIN, grain=GRAIN / scale)
        return [
            view for region in regions for view in cut_tiles(region, scale=finer, side=TILE_SIDE, overlap=TILE_OVERLAP)
        ]

    async def _detect_on_all(self, mips: MipPyramid, canvases: list[Canvas], context: RunContext) -> Candidates:
        parts = await gather_or_cancel(*(self._detect_on(mips, canvas, context) for canvas in canvases))
        return Candidates.concatenate(parts)

    async def _detect_on(self, mips: MipPyramid, canvas: Canvas, context: RunContext) -> Candidates:
        with context.stage("preprocess"):
            is_small = mips.width * mips.height <= SMALL_PICTURE
            pixels = canvas.render(mips) if is_small else await self.pool.run(canvas.render, mips)
        outputs = await infer_timed(self.infer, self.manifest.id, {self.manifest.input.name: pixels}, context)
        with context.stage("postprocess"):
            return canvas.map_to_picture(decode_outputs(outputs, canvas.height, canvas.width))


def decode_outputs(outputs: Mapping[str, Array], height: int, width: int) -> Candidates:
    """Candidates on a canvas of `height` x `width`, from scores (cells,) and offsets (14, cells)."""
    scores = outputs["scores"]
    (cells,) = np.nonzero(scores >= HINT_SCORE)
    anchors, strides = (values[cells] for values in _build_grid(height, width))
    offsets = outputs["offsets"][:, cells].T
    centres, halves = anchors + offsets[:, :2], np.exp(offsets[:, 2:4]) * np.float32(0.5)
    boxes = np.concatenate([centres - halves, centres + halves], axis=1) * strides
    landmarks = (anchors[:, None] + offsets[:, 4:].reshape(-1, 5, 2)) * strides[:, None]
    return Candidates(boxes, scores[cells], landmarks)


@cache
def _build_grid(height: int, width: int) -> tuple[Floats, Floats]:
    """Column and row (N, 2) and stride (N, 1) of each cell, over all strides."""
    parts = [np.indices((height // stride, width // stride))[::-1].reshape(2, -1).T for stride in STRIDES]
    strides = [np.full((len(part), 1), stride) for part, stride in zip(parts, STRIDES, strict=True)]
    return np.concatenate(parts).astype(np.float32), np.concatenate(strides).astype(np.float32)
