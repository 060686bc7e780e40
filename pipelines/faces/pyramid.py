"""The canvases that P-Net looks at, and what its answers say about the picture.

coarse levels ─► P-Net ─► answers ────────────────────────────────────► proposals
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

CELL, STRIDE = 12, 2  # P-Net's window and step on the canvas, in pixels

# From the finest level to the next, and from there to each further one. Hints bridge the first step; with halves
# throughout, sideways faces are taken for upright ones.
FIRST_SHRINK, SHRINK = 0.5, 0.6

MERGED = 0.7  # windows that overlap by more are one proposal
PROPOSED = 0.8  # probability; the paper's is .6
MOST_PROPOSALS = 1000
# A face that is too small for a level still leaves a weak answer there, this many windows around its own at most.
HINT, REACH = 0.25, 2

_AROUND = np.ones((3, 3), np.uint8)
_NEAR = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)


@dataclass(frozen=True, slots=True)
class Look:
    """P-Net's answers for a canvas: probabilities (H, W) and offsets (H, W, 4) of its windows."""

    canvas: Canvas
    face: Array
    box: Array


@dataclass(frozen=True, slots=True)
class Pyramid:
    """The whole picture at ever smaller scales: all levels on the first canvas, or all but the `finest` one.

    That one has three quarters of all pixels. It comes second, and only around hints of the first look.
    """

    first: Canvas
    finest: View | None
    sizes: Sequence[tuple[int, int]]

    @classmethod
    def of(
        cls, width: int, height: int, scale: float, sizes: Sequence[tuple[int, int]], *, is_split: bool
    ) -> Self | None:
        """From `scale` down, or from what fits on canvases of `sizes`; None where not even one window fits."""
        while views := _levels(width, height, scale, FIRST_SHRINK if is_split else SHRINK):
            apart = int(is_split and len(views) > 1)
            first = packed(sizes, views[apart:])
            if first is not None and (not apart or packed(sizes, views[:1]) is not None):
                return cls(first, views[0] if apart else None, sizes)
            scale *= 0.93
        return None

    @property
    def scale(self) -> float:
        return (self.finest or self.first.views[0]).scale

    def second(self, look: Look) -> Canvas | None:
        """The finest level around hints of the first look, or all of it where that is less; None without hints."""
        assert self.finest is not None
        parts = _around_hints(look, self.finest)
        if not parts:
            return None
        whole = packed(self.sizes, [self.finest])
        canvas = packed(self.sizes, parts)
        return min((one for one in (canvas, whole) if one is not None), key=lambda one: one.width * one.height)


def _levels(width: int, height: int, finest: float, first_shrink: float) -> list[View]:
    """The whole picture at ever smaller scales, `finest` first, as long as a window fits."""
    views, scale, shrink = [], finest, first_shrink
    while min(width, height) * scale >= CELL:
        views.append(View((0, 0, width, height), round(width * scale), round(height * scale)))
        scale, shrink = scale * shrink, SHRINK
    return views


def packed(sizes: Iterable[tuple[int, int]], views: Sequence[View]) -> Canvas | None:
    """All views on the smallest canvas that takes them; None when none does."""
    needed = sum(view.width * view.height for view in views)
    ordered = sorted(views, key=lambda one: -one.width * one.height)
    for height, width in sorted(sizes, key=lambda one: one[0] * one[1]):
        if height * width >= needed and (placed := _placed(ordered, width, height)) is not None:
            return Canvas(height, width, tuple(placed))
    return None


def _placed(views: Sequence[View], width: int, height: int) -> list[View] | None:
    """Each view in a corner of the smallest gap that takes it; what is left of the gap makes two.

    Source: J. Jylänki, "A Thousand Ways to Pack the Bin" (2010), guillotine with best area fit.
    """
    gaps, placed = [(0, 0, width, height)], []
    for view in views:
        fitting = [gap for gap in gaps if gap[2] >= view.width and gap[3] >= view.height]
        if not fitting:
            return None
        gap = min(fitting, key=lambda one: one[2] * one[3])
        left, top, across, down = gap
        placed.append(replace(view, left=left, top=top))
        right, below = across - view.width, down - view.height
        gaps.remove(gap)
        if right < below:
            gaps += [(left + view.width, top, right, view.height), (left, top + view.height, across, below)]
        else:
            gaps += [(left + view.width, top, right, down), (left, top + view.height, view.width, below)]
    return placed


def _around_hints(look: Look, finest: View) -> list[View]:
    """Boxes around hints that are near each other."""
    coarse = look.canvas.views[0]
    top, left, bottom, right = _windows(coarse)
    hints = cv2.dilate((look.face[top:bottom, left:right] >= HINT).astype(np.uint8), _NEAR)
    _, _, boxes, _ = cv2.connectedComponentsWithStats(hints)
    step, reach = STRIDE / coarse.scale, CELL / 2 / finest.scale
    x, y = (
        (first * STRIDE - start + CELL / 2) / coarse.scale for first, start in ((left, coarse.left), (top, coarse.top))
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
    return [_part(region, finest.scale) for region in regions]


def _part(region: Rectangle, scale: float) -> View:
    return View(region, round((region[2] - region[0]) * scale), round((region[3] - region[1]) * scale))


def _windows(view: View) -> tuple[int, int, int, int]:
    """First row and column of the windows that lie in `view` whole, and those after the last.

    A window that reaches over the edge of its level sees two levels at once, or nothing: it does not count.
    """
    (top, bottom), (left, right) = (
        (ceil(start / STRIDE), (start + side - CELL) // STRIDE + 1)
        for start, side in ((view.top, view.height), (view.left, view.width))
    )
    return top, left, max(top, bottom), max(left, right)


def proposals(looks: Sequence[Look]) -> Floats:
    """Boxes (N, 4) in the picture, best first."""
    boxes, scores = (np.concatenate(parts) for parts in zip(*(_proposed(look) for look in looks), strict=True))
    return boxes[suppressed(boxes, scores, iou=MERGED)[:MOST_PROPOSALS]]


def _proposed(look: Look) -> tuple[Floats, Floats]:
    """Boxes in the picture, and scores, of those windows that convince more than the eight around them."""
    views = look.canvas.views
    owner, face = np.zeros(look.face.shape, np.int16), np.zeros(look.face.shape, np.float32)
    for index, view in enumerate(views):
        top, left, bottom, right = _windows(view)
        owner[top:bottom, left:right] = index
        face[top:bottom, left:right] = look.face[top:bottom, left:right]
    rows, columns = np.nonzero((face >= PROPOSED) & (face == cv2.dilate(face, _AROUND)))
    facts = np.array([_facts(view) for view in views], np.float32)[owner[rows, columns]]
    corners = np.stack([columns, rows], axis=1).astype(np.float32) * STRIDE - facts[:, :2]
    boxes = np.concatenate([corners, corners + CELL], axis=1) + look.box[rows, columns] * CELL
    return boxes * facts[:, 4:] + np.tile(facts[:, 2:4], 2), face[rows, columns]


def _facts(view: View) -> tuple[float, ...]:
    """Its corner on the canvas, its corner in the picture, the picture's pixels for one of its (twice)."""
    x0, y0, x1, y1 = view.region
    steps = ((x1 - x0) / view.width, (y1 - y0) / view.height)
    return view.left, view.top, x0, y0, *steps, *steps


def suppressed(boxes: Floats, scores: Floats, *, iou: float) -> NDArray[np.intp]:
    """Rows that greedy non-maximum suppression keeps, best score first: OpenCV's, for hundreds of boxes."""
    corners = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    return np.asarray(cv2.dnn.NMSBoxes(cast(Any, corners), cast(Any, scores), 0.0, iou), np.intp)
