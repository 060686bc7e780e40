"""YuNet: one fully convolutional pass per scale, from coarse to as fine as the faces in the picture ask for.

Source: W. Wu, H. Peng and S. Yu, "YuNet: A Tiny Millisecond-level Face Detector" (Machine
Intelligence Research, 2023); weights from libfacedetection.train. Decoding and suppression are ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from models.manifest import Manifest
from models.session import Array
from models.together import together
from pipelines.faces.candidates import Candidates, Floats
from pipelines.faces.detector import Calibration, Proposals, timed
from pipelines.faces.views import Canvas, Mips, View, smallest, tiles, whole
from pipelines.pipeline import Call, CpuPool, Infer
from pipelines.types import ModelUsed

STRIDES = (8, 16, 32)

# Longer side of the picture at each step from coarse to fine, in pixels. Most pictures need the first only:
# on 350 labelled images this finds what 640 pixels find for all of them, in 60 % of the time.
LEVELS = (448, 800, 1600, 3200)
# Enlarging small pictures finds more small faces up to here (+.05 AP), beyond it invents faces.
MOST_ENLARGED = 1.6
# A candidate of this score and at most this side on the canvas sends the search to the next level.
HINT_SCORE, HINT_SIDE = 0.4, 24.0
# Where the coarse look shrinks a picture to less than this and finds nothing, it may have missed a crowd.
LARGE_PICTURE = 0.3
TILE, OVERLAP = 800, 96
MOST_TILES = 24

CANDIDATE = 0.2  # raw score; what is under it is a face once in a hundred times
IOU = 0.45

CALIBRATION = Calibration(checked=(-2.26, 1.73, 0.24), unchecked=(-2.05, 2.4))


@dataclass(frozen=True)
class YuNet:
    manifest: Manifest
    used: ModelUsed
    infer: Infer
    pool: CpuPool
    name: str = "yunet"
    smallest: float = 10.0
    calibration: Calibration = CALIBRATION

    @property
    def models(self) -> list[ModelUsed]:
        return [self.used]

    async def propose(self, mips: Mips, *, smallest: float | None, is_thorough: bool, call: Call) -> Proposals:
        views = self._level(mips, LEVELS[0], most=1.0)
        finest, parts = views[0].scale, [await self._look(mips, views, call)]
        for longer_side in LEVELS[1:] if is_thorough else ():
            views = self._level(mips, longer_side, most=MOST_ENLARGED)
            is_worth_it = views[0].scale > finest * 1.05 and len(views) <= MOST_TILES
            if not (is_worth_it and self._is_finer_wanted(parts, finest, smallest)):
                break
            parts.append(await self._look(mips, views, call))
            finest = views[0].scale
        return Proposals(Candidates.joined(parts).voted(iou=IOU), finest)

    def _is_finer_wanted(self, parts: list[Candidates], scale: float, smallest: float | None) -> bool:
        """Whether the smallest face asked for needs it; else whether small faces were seen or a crowd may be missed."""
        if smallest is not None:
            return smallest * scale < self.smallest
        good = parts[-1].scores >= HINT_SCORE
        if len(parts) == 1 and scale < LARGE_PICTURE and not good.any():
            return True
        return bool((good & (parts[-1].sides * scale < HINT_SIDE)).any())

    def _level(self, mips: Mips, longer_side: int, *, most: float) -> list[View]:
        view = whole(mips.width, mips.height, longer_side=longer_side, most=most)
        if longer_side <= TILE:
            return [view]
        return tiles(mips.width, mips.height, scale=view.scale, side=TILE, overlap=OVERLAP)

    async def _look(self, mips: Mips, views: list[View], call: Call) -> Candidates:
        """All views at once, each on a canvas of its own."""
        return Candidates.joined(await together(*(self._look_at(mips, view, call) for view in views)))

    async def _look_at(self, mips: Mips, view: View, call: Call) -> Candidates:
        canvas = Canvas(*smallest(self.manifest.input.sizes, view.width, view.height), (view,))
        with call.stage("preprocess"):
            tensor = await self.pool.run(_tensor, canvas, mips)
        outputs = await timed(self.infer, self.manifest.id, {self.manifest.input.name: tensor}, call)
        with call.stage("postprocess"):
            return canvas.undo(decode(outputs, canvas.width))


def _tensor(canvas: Canvas, mips: Mips) -> NDArray[np.float32]:
    """(3, H, W) float32 BGR, 0-255 as they are: the net was trained on raw pixels."""
    tensor = np.empty((3, canvas.height, canvas.width), np.float32)
    for plane, channel in enumerate(reversed(cv2.split(canvas.render(mips)))):
        tensor[plane] = channel
    return tensor


def decode(outputs: Mapping[str, Array], width: int) -> Candidates:
    """Raw outputs, (cells, 1 | 4 | 10) for each stride, of a canvas `width` pixels wide, to candidates on it."""
    height = len(outputs[f"cls_{STRIDES[0]}"]) // (width // STRIDES[0]) * STRIDES[0]
    classes, objects, offsets, points = (
        np.concatenate([outputs[f"{kind}_{stride}"] for stride in STRIDES]) for kind in ("cls", "obj", "bbox", "kps")
    )
    scores = np.sqrt(classes.clip(0, 1) * objects.clip(0, 1))[:, 0]
    (cells,) = np.nonzero(scores >= CANDIDATE)
    anchors, strides = (values[cells] for values in _grid(height, width))
    centres, halves = anchors + offsets[cells, :2], np.exp(offsets[cells, 2:]) * np.float32(0.5)
    boxes = np.concatenate([centres - halves, centres + halves], axis=1) * strides
    landmarks = (anchors[:, None] + points[cells].reshape(-1, 5, 2)) * strides[:, None]
    return Candidates(boxes, scores[cells], landmarks)


@cache
def _grid(height: int, width: int) -> tuple[Floats, Floats]:
    """Each cell's column and row (N, 2), and its stride (N, 1), over all strides."""
    parts = [np.indices((height // stride, width // stride))[::-1].reshape(2, -1).T for stride in STRIDES]
    strides = [np.full((len(part), 1), stride) for part, stride in zip(parts, STRIDES, strict=True)]
    return np.concatenate(parts).astype(np.float32), np.concatenate(strides).astype(np.float32)
