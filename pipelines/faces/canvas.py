"""Lays out parts of a picture, scaled and turned, on a canvas of a size that a model accepts.

picture ─► MipPyramid ─► Canvas.render ─► (height, width, 3) ─► model ─► boxes on the canvas
                         Canvas.map_to_picture ◄────────────────────────┘  boxes in the picture
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil, log2
from threading import Lock
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.faces.candidates import Candidates, Floats

MEAN_COLOUR_SIDE = 64  # pixels of the longer side that are enough for a mean
MAX_WARP_SIDE = 32_767  # pixels: OpenCV's warps index with 16 bits
_ROTATIONS = (cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)

Rectangle = tuple[int, int, int, int]
Pixels = NDArray[np.uint8]


class MipPyramid:
    """A picture and its halvings, computed on first use, so that every crop starts near its own scale.

    Safe to use from several threads at once.
    """

    def __init__(self, pixels: Image.Image | Pixels) -> None:
        """`pixels` are an RGB image, or (height, width, 3)."""
        self._pixels = pixels
        self.width, self.height = pixels.size if isinstance(pixels, Image.Image) else pixels.shape[1::-1]
        self._levels: list[Pixels] = []
        self._lock = Lock()

    @cached_property
    def mean(self) -> tuple[float, float, float]:
        """The mean colour, RGB in 0-255: beside it the nets find more faces that are cut off than beside black."""
        red, green, blue, _ = cv2.mean(self.level(int(log2(max(self.width, self.height) / MEAN_COLOUR_SIDE + 1)))[0])
        return red, green, blue

    def level(self, halvings: int) -> tuple[Pixels, float]:
        """The picture halved `halvings` times, or as often as it can be, and its scale.

        A picture too long for OpenCV's warps is halved more often.
        """
        halvings = max(halvings, ceil(log2(max(self.width, self.height) / MAX_WARP_SIDE)))
        halvings = min(halvings, int(log2(min(self.width, self.height))))
        with self._lock:
            if not self._levels:
                self._levels.append(np.asarray(self._pixels))
            while len(self._levels) <= halvings:
                self._levels.append(_halve(self._levels[-1]))
        return self._levels[halvings], 0.5**halvings

    def level_for_scale(self, scale: float) -> tuple[Pixels, float]:
        """The smallest level that still has `scale` times the picture's pixels per side, and its scale."""
        return self.level(int(-log2(scale) + 1e-6) if scale < 1 else 0)


def _halve(pixels: Pixels) -> Pixels:
    """Average 2 x 2 pixels; an odd last row or column is dropped."""
    height, width = (side // 2 for side in pixels.shape[:2])
    half = cv2.resize(pixels[: height * 2, : width * 2], (width, height), interpolation=cv2.INTER_AREA)
    return cast(Pixels, half)


@dataclass(frozen=True, slots=True)
class View:
    """`region` (x0, y0, x1, y1) of the picture, resized to `width` x `height`, then given quarter `turns`
    counterclockwise; its top left corner then lies at (`left`, `top`) of the canvas.
    """

    region: Rectangle
    width: int
    height: int
    turns: int = 0
    left: int = 0
    top: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height on the canvas."""
        return (self.height, self.width) if self.turns % 2 else (self.width, self.height)

    @property
    def scale(self) -> float:
        """Canvas pixels for one of the picture's, along the longer side."""
        x0, y0, x1, y1 = self.region
        return max(self.width, self.height) / max(x1 - x0, y1 - y0)

    def render(self, mips: MipPyramid) -> Pixels:
        """(height, width, 3) RGB, turned."""
        image, scale = mips.level_for_scale(self.scale)
        x0, y0 = (int(edge * scale) for edge in self.region[:2])
        x1, y1 = (max(1, ceil(edge * scale)) for edge in self.region[2:])
        image = image[y0:y1, x0:x1]
        if image.shape[:2] != (self.height, self.width):
            image = cast(Pixels, cv2.resize(image, (self.width, self.height)))
        return cast(Pixels, cv2.rotate(image, _ROTATIONS[self.turns - 1])) if self.turns else image

    def map_to_picture(self, points: Floats) -> Floats:
        """Map (…, 2) points on the canvas to points in the picture."""
        x0, y0, x1, y1 = self.region
        step = np.array([(x1 - x0) / self.width, (y1 - y0) / self.height], np.float32)
        if not self.turns:  # the usual case, in few steps: the calls are many and the points few
            return points * step + (np.array([x0, y0], np.float32) - np.array([self.left, self.top], np.float32) * step)
        x, y = points[..., 0] - self.left, points[..., 1] - self.top
        x, y = ((x, y), (self.width - y, x), (self.width - x, self.height - y), (y, self.height - x))[self.turns]
        return np.stack([x, y], axis=-1) * step + np.array([x0, y0], np.float32)

    def contains(self, points: Floats) -> NDArray[np.bool_]:
        """(N,): which of (N, 2) points on the canvas lie in this view."""
        width, height = self.size
        x, y = points[:, 0] - self.left, points[:, 1] - self.top
        return (x >= 0) & (x < width) & (y >= 0) & (y < height)


@dataclass(frozen=True, slots=True)
class Canvas:
    """Views side by side on a plain background."""

    height: int
    width: int
    views: tuple[View, ...]

    def render(self, mips: MipPyramid, colour: tuple[float, float, float] = (0, 0, 0)) -> NDArray[np.uint8]:
        """(height, width, 3) RGB; `colour` where no view lies."""
        canvas = np.empty((self.height, self.width, 3), np.uint8)
        canvas[:] = np.full((self.width, 3), colour, np.uint8)  # by rows: 40 times as fast as by pixels
        for view in self.views:
            width, height = view.size
            canvas[view.top : view.top + height, view.left : view.left + width] = view.render(mips)
        return canvas

    def map_to_picture(self, candidates: Candidates) -> Candidates:
        """Map candidates on the canvas to the picture; those whose centre lies in no view are dropped."""
        parts = [
            _map_view_to_picture(candidates[rows], view)
            for view in self.views
            if (rows := view.contains(candidates.centres)).any()
        ]
        return Candidates.concatenate(parts) if parts else Candidates.empty()


def _map_view_to_picture(candidates: Candidates, view: View) -> Candidates:
    corners = view.map_to_picture(candidates.boxes.reshape(-1, 2, 2))
    if view.turns:  # a turn swaps the corners
        corners = np.stack([corners.min(axis=1), corners.max(axis=1)], axis=1)
    return Candidates(corners.reshape(-1, 4), candidates.scores, view.map_to_picture(candidates.landmarks))


def fit_whole(width: int, height: int, *, longer_side: int, max_scale: float) -> View:
    """View a whole picture of `width` x `height` at `longer_side` pixels, but at `max_scale` at most."""
    scale = min(longer_side / max(width, height), max_scale)
    return View((0, 0, width, height), max(1, round(width * scale)), max(1, round(height * scale)))


def place_centred(width: int, height: int, *, longer_side: int, side: int) -> Canvas:
    """A square canvas with the whole picture in its middle."""
    view = fit_whole(width, height, longer_side=longer_side, max_scale=4.0)
    return Canvas(side, side, (replace(view, left=(side - view.width) // 2, top=(side - view.height) // 2),))


def place_turned(width: int, height: int, *, longer_side: int, gap: int) -> Canvas:
    """A canvas with the whole picture the other three ways up, in a row or a column, half a `gap` from the edges."""
    upright = fit_whole(width, height, longer_side=longer_side, max_scale=4.0)
    is_wide, margin, views = width >= height, gap // 2, list[View]()
    start = margin
    for turns in (1, 2, 3):
        view = replace(upright, turns=turns)
        views.append(replace(view, left=start, top=margin) if is_wide else replace(view, left=margin, top=start))
        start += view.size[1 - is_wide] + gap
    across = max(upright.width, upright.height) + 2 * margin
    return Canvas(*((across, start - margin) if is_wide else (start - margin, across)), tuple(views))


def choose_canvas_size(sizes: Iterable[tuple[int, int]], width: int, height: int) -> tuple[int, int]:
    """The (height, width) with the fewest pixels that holds `width` x `height`. Raises ValueError when none does."""
    return min((size for size in sizes if size[0] >= height and size[1] >= width), key=lambda size: size[0] * size[1])


def pack_skyline(sizes: Iterable[tuple[int, int]], views: Sequence[View]) -> Canvas | None:
    """Place all views on the smallest canvas that takes them, each as far up and left as it fits, or return None."""
    tallest, widest = max(view.height for view in views), max(view.width for view in views)
    needed = sum(view.width * view.height for view in views)
    large_enough = (size for size in sizes if size[0] >= tallest and size[1] >= widest and size[0] * size[1] >= needed)
    for height, width in sorted(large_enough, key=lambda size: size[0] * size[1]):
        if (placed := _place_by_skyline(views, width, height)) is not None:
            return Canvas(height, width, tuple(placed))
    return None


def _place_by_skyline(views: Sequence[View], width: int, height: int) -> list[View] | None:
    skyline = np.zeros(width, np.int64)  # occupied height of each column
    placed = []
    for view in sorted(views, key=lambda view: -view.height):
        tops = np.lib.stride_tricks.sliding_window_view(skyline, view.width).max(axis=1)
        left = int(tops.argmin())
        top = int(tops[left])
        if top + view.height > height:
            return None
        skyline[left : left + view.width] = top + view.height
        placed.append(replace(view, left=left, top=top))
    return placed
