"""Plans at which scale a page is searched for text, and on which canvases: one, or tiles of one map."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, sqrt
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.documents.stages import Pixels

LONG_SIDE = 1280  # pixels of a page that is searched as a whole: ten-point text of an A4 page is then 15 high
SHORT_SIDE = 480  # a long receipt or screenshot keeps this much of its width
MAX_ENLARGEMENT = 2.0
MIN_FIT = 0.9  # of the scale: so much is enough if the page then fits a smaller canvas
TILE_OVERLAP = 64  # pixels that neighbouring tiles share
MAX_TILES = 24
PAGE_SIDE = 640  # of a canvas that pages are searched on, at least; smaller ones are for looks at low resolution
LOOK_PIXELS = 210_000  # of a canvas for a look at low resolution: 35 ms of one core

CanvasSize = tuple[int, int]  # height, width


@dataclass(frozen=True, slots=True)
class DetectionTile:
    """`top` and `left` of a canvas in the map; `rows` and `columns` of the canvas that the map takes from it."""

    top: int
    left: int
    rows: tuple[int, int]
    columns: tuple[int, int]


@dataclass(frozen=True, slots=True)
class TilePlan:
    """A page resized to a map of `width` x `height` pixels, which canvases of one size cover."""

    width: int
    height: int
    canvas: CanvasSize
    tiles: tuple[DetectionTile, ...]

    def render_tiles(self, page: Pixels) -> list[Pixels]:
        """One (canvas height, canvas width, 3) per tile, mid-grey where the page ends."""
        if page.shape[:2] != (self.height, self.width):
            interpolation = cv2.INTER_AREA if self.width < page.shape[1] else cv2.INTER_LINEAR
            page = cast(Pixels, cv2.resize(page, (self.width, self.height), interpolation=interpolation))
        canvases = []
        for tile in self.tiles:
            part = page[tile.top : tile.top + self.canvas[0], tile.left : tile.left + self.canvas[1]]
            canvas = np.full((*self.canvas, 3), 127, np.uint8)
            canvas[: part.shape[0], : part.shape[1]] = part
            canvases.append(canvas)
        return canvases

    def join_maps(self, maps: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """The tiles' maps, each as large as its canvas, joined to one (height, width)."""
        whole = np.zeros((self.height, self.width), np.float32)
        for tile, part in zip(self.tiles, maps, strict=True):
            (y0, y1), (x0, x1) = tile.rows, tile.columns
            whole[tile.top + y0 : tile.top + y1, tile.left + x0 : tile.left + x1] = part[y0:y1, x0:x1]
        return whole


def default_scale(width: int, height: int) -> float:
    """Canvas pixels per page pixel in the first pass."""
    return min(max(LONG_SIDE / max(width, height), SHORT_SIDE / min(width, height)), MAX_ENLARGEMENT)


def plan_tiles(width: int, height: int, scale: float, sizes: Sequence[CanvasSize]) -> TilePlan:
    """The plan with the fewest canvas pixels that shows a page at about `scale`."""
    sizes = [size for size in sizes if max(size) >= PAGE_SIDE]
    for size in sorted(sizes, key=lambda one: one[0] * one[1]):
        fits = min(size[0] / height, size[1] / width)
        if fits >= scale * MIN_FIT:
            return _lay_out(width, height, min(scale, fits), size)
    plans = [_lay_out(width, height, scale, size) for size in sizes]
    best = min(plans, key=lambda one: len(one.tiles) * one.canvas[0] * one.canvas[1])
    if len(best.tiles) <= MAX_TILES:
        return best
    return plan_tiles(width, height, scale * min(0.9, sqrt(MAX_TILES / len(best.tiles))), sizes)


def plan_look(width: int, height: int, sizes: Sequence[CanvasSize]) -> TilePlan:
    """The whole page on one small canvas, the one of at most LOOK_PIXELS that shows it largest."""
    small = [size for size in sizes if size[0] * size[1] <= LOOK_PIXELS]
    canvas = max(small, key=lambda size: min(size[0] / height, size[1] / width))
    scale = min(canvas[0] / height, canvas[1] / width, MAX_ENLARGEMENT)
    return _lay_out(width, height, scale, canvas)


def _lay_out(width: int, height: int, scale: float, canvas: CanvasSize) -> TilePlan:
    width, height = max(1, int(width * scale)), max(1, int(height * scale))
    tiles = tuple(
        DetectionTile(top, left, rows, columns)
        for top, rows in _tile_spans(height, canvas[0])
        for left, columns in _tile_spans(width, canvas[1])
    )
    return TilePlan(width, height, canvas, tiles)


def _tile_spans(length: int, side: int) -> list[tuple[int, tuple[int, int]]]:
    """Where canvases begin along one side of the map, and which of their pixels count: up to the middle of overlaps."""
    if length <= side:
        return [(0, (0, length))]
    count = ceil((length - TILE_OVERLAP) / (side - TILE_OVERLAP))
    starts = [round(index * (length - side) / (count - 1)) for index in range(count)]
    borders = [0, *((start + before + side) // 2 for before, start in pairwise(starts)), length]
    return [
        (start, (first - start, last - start)) for start, first, last in zip(starts, borders, borders[1:], strict=False)
    ]
