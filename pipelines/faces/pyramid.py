"""Lays out an image pyramid on canvases for P-Net, and turns P-Net's outputs into proposals.

coarse levels ─► P-Net ─► outputs ────────────────────────────────────► proposals
                          └─► hints ─► parts of the finest level ─► P-Net ─┘
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Self, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from models.arrays import Array
from pipelines.faces.candidates import Floats
from pipelines.faces.canvas import Canvas, Rectangle, View

WINDOW, STRIDE = 12, 2  # of P-Net on the canvas, in pixels

# Scale from the finest level to the next, and from there to each further one. Hints bridge the large first step; with
# halves throughout, sideways faces are taken for upright ones.
FIRST_SHRINK, SHRINK = 0.5, 0.6

MERGE_IOU = 0.7  # IoU above which windows are one proposal
PROPOSAL_THRESHOLD = 0.8  # probability; the paper's is .6
MAX_PROPOSALS = 1000
# A face too small for a level still raises a weak probability there, at most HINT_REACH windows from its own place.
HINT_THRESHOLD, HINT_REACH = 0.25, 2

_NEIGHBOURS = np.ones((3, 3), np.uint8)
_HINT_AREA = np.ones((2 * HINT_REACH + 1, 2 * HINT_REACH + 1), np.uint8)


@dataclass(frozen=True, slots=True)
class PnetOutput:
    """P-Net's output for a canvas: probabilities (H, W) and offsets (H, W, 4) of its windows."""

    canvas: Canvas
    face: Array
    box: Array


@dataclass(frozen=True, slots=True)
class ImagePyramid:
    """The whole picture at ever smaller scales: all levels on the first canvas, or all but the `finest` one.

    The finest level has three quarters of all pixels. It comes second, and only around hints of the first pass.
    """

    first: Canvas
    finest: View | None
    sizes: Sequence[tuple[int, int]]

    @classmethod
    def plan(
        cls, width: int, height: int, scale: float, sizes: Sequence[tuple[int, int]], *, is_split: bool
    ) -> Self | None:
        """Levels from `scale` down, or from what canvases of `sizes` hold; None where not even one window fits."""
        while views := _plan_levels(width, height, scale, FIRST_SHRINK if is_split else SHRINK):
            finest = views[0] if is_split and len(views) > 1 else None
            first = pack_guillotine(sizes, views if finest is None else views[1:])
            if first is not None and (finest is None or pack_guillotine(sizes, [finest]) is not None):
                return cls(first, finest, sizes)
            scale *= 0.93
        return None

    @property
    def scale(self) -> float:
        return (self.finest or self.first.views[0]).scale

    def plan_second(self, output: PnetOutput) -> Canvas | None:
        """The finest level around hints in the first output, or all of it where that is less; None without hints."""
        assert self.finest is not None
        parts = _view_hints(output, self.finest)
        if not parts:
            return None
        whole = pack_guillotine(self.sizes, [self.finest])
        canvas = pack_guillotine(self.sizes, parts)
        return min((one for one in (canvas, whole) if one is not None), key=lambda one: one.width * one.height)


def _plan_levels(width: int, height: int, finest: float, first_shrink: float) -> list[View]:
    """The whole picture at ever smaller scales, `finest` first, as long as a window fits."""
    views, scale, shrink = [], finest, first_shrink
    while min(width, height) * scale >= WINDOW:
        views.append(View((0, 0, width, height), round(width * scale), round(height * scale)))
        scale, shrink = scale * shrink, SHRINK
    return views


def pack_guillotine(sizes: Iterable[tuple[int, int]], views: Sequence[View]) -> Canvas | None:
    """Place all views on the smallest canvas that takes them, or return None."""
    needed = sum(view.width * view.height for view in views)
    ordered = sorted(views, key=lambda view: -view.width * view.height)
    for height, width in sorted(sizes, key=lambda size: size[0] * size[1]):
        if height * width >= needed and (placed := _place_by_guillotine(ordered, width, height)) is not None:
            return Canvas(height, width, tuple(placed))
    return None


def _place_by_guillotine(views: Sequence[View], width: int, height: int) -> list[View] | None:
    """Place each view in a corner of the smallest gap that takes it; the rest of the gap becomes two gaps.

    Source: J. Jylänki, "A Thousand Ways to Pack the Bin" (2010), guillotine with best area fit.
    """
    gaps, placed = [(0, 0, width, height)], []
    for view in views:
        fitting = [gap for gap in gaps if gap[2] >= view.width and gap[3] >= view.height]
        if not fitting:
            return None
        gap = min(fitting, key=lambda gap: gap[2] * gap[3])
        left, top, across, down = gap
        placed.append(replace(view, left=left, top=top))
        right, below = across - view.width, down - view.height
        gaps.remove(gap)
        if right < below:
            gaps += [(left + view.width, top, right, view.height), (left, top + view.height, across, below)]
        else:
            gaps += [(left + view.width, top, right, down), (left, top + view.height, view.width, below)]
    return placed


def _view_hints(output: PnetOutput, finest: View) -> list[View]:
    """Views of the finest level, each around a group of hints near each other."""
    coarse = output.canvas.views[0]
    top, left, bottom, right = _find_whole_windows(coarse)
    hints = cv2.dilate((output.face[top:bottom, left:right] >= HINT_THRESHOLD).astype(np.uint8), _HINT_AREA)
    _, _, boxes, _ = cv2.connectedComponentsWithStats(hints)
    step, reach = STRIDE / coarse.scale, WINDOW / 2 / finest.scale
    x, y = (
        (first * STRIDE - start + WINDOW / 2) / coarse.scale
        for first, start in ((left, coarse.left), (top, coarse.top))
    )
    _, _, width, height = finest.region
    regions = (
        (
            max(0, int(x + column * step - reach) // 2 * 2),
            max(0, int(y + row * step - reach) // 2 * 2),
            min(width, ceil(x + (column + columns - 1) * step + reach)),
            min(height, ceil(y + (row + rows - 1) * step + reach)),
        )
        for column, row, columns, rows, _ in boxes[1:].tolist()
    )
    return [_view_region(region, finest.scale) for region in regions]


def _view_region(region: Rectangle, scale: float) -> View:
    return View(region, round((region[2] - region[0]) * scale), round((region[3] - region[1]) * scale))


def _find_whole_windows(view: View) -> tuple[int, int, int, int]:
    """First row and column of the windows that lie whole in `view`, and the row and column after the last.

    A window that reaches over the edge of its level sees two levels at once, or nothing: it does not count.
    """
    (top, bottom), (left, right) = (
        (ceil(start / STRIDE), (start + side - WINDOW) // STRIDE + 1)
        for start, side in ((view.top, view.height), (view.left, view.width))
    )
    return top, left, max(top, bottom), max(left, right)


def propose_boxes(outputs: Sequence[PnetOutput]) -> Floats:
    """Boxes (N, 4) in the picture, best first."""
    boxes, scores = (
        np.concatenate(parts) for parts in zip(*(_propose_from(output) for output in outputs), strict=True)
    )
    return boxes[keep_best_fast(boxes, scores, iou=MERGE_IOU)[:MAX_PROPOSALS]]


def _propose_from(output: PnetOutput) -> tuple[Floats, Floats]:
    """Boxes in the picture, and scores, of the windows with a higher probability than the eight around them."""
    views = output.canvas.views
    owner, face = np.zeros(output.face.shape, np.int16), np.zeros(output.face.shape, np.float32)
    for index, view in enumerate(views):
        top, left, bottom, right = _find_whole_windows(view)
        owner[top:bottom, left:right] = index
        face[top:bottom, left:right] = output.face[top:bottom, left:right]
    rows, columns = np.nonzero((face >= PROPOSAL_THRESHOLD) & (face == cv2.dilate(face, _NEIGHBOURS)))
    mapping = np.array([_compute_mapping(view) for view in views], np.float32)[owner[rows, columns]]
    corners = np.stack([columns, rows], axis=1).astype(np.float32) * STRIDE - mapping[:, :2]
    boxes = np.concatenate([corners, corners + WINDOW], axis=1) + output.box[rows, columns] * WINDOW
    return boxes * mapping[:, 4:] + np.tile(mapping[:, 2:4], 2), face[rows, columns]


def _compute_mapping(view: View) -> tuple[float, ...]:
    """Corner on the canvas, corner in the picture, and (twice) the picture's pixels for one of the view's."""
    x0, y0, x1, y1 = view.region
    steps = ((x1 - x0) / view.width, (y1 - y0) / view.height)
    return view.left, view.top, x0, y0, *steps, *steps


def keep_best_fast(boxes: Floats, scores: Floats, *, iou: float) -> NDArray[np.intp]:
    """As `nms.keep_best`, by OpenCV: faster for hundreds of boxes."""
    corners = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    return np.asarray(cv2.dnn.NMSBoxes(cast(Any, corners), cast(Any, scores), 0.0, iou), np.intp)
