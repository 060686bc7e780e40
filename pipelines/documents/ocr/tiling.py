"""At which scale a page is searched for text, and on which canvases: one, or tiles of one map."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, sqrt
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.documents.stages import Pixels

LONG_SIDE = 1280  # pixels of a page that is searched as a whole: ten-point text of an A4 page is 15 high
SHORT_SIDE = 480  # a long receipt or screenshot keeps this much of its width
MOST_ENLARGED = 2.0
GIVES_WAY = 0.9  # of the scale, where a smaller canvas does then
SHARED = 64  # pixels that neighbouring tiles have in common
MOST_TILES = 24

Size = tuple[int, int]  # height, width


@dataclass(frozen=True, slots=True)
class Tile:
    """`top` and `left` of a canvas in the map; rows and columns of the canvas that it alone answers for."""

    top: int
    left: int
    rows: tuple[int, int]
    columns: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """A page of `width` x `height` pixels resized to a map, which canvases of one size cover."""

    width: int
    height: int
    canvas: Size
    tiles: tuple[Tile, ...]

    def render(self, page: Pixels) -> list[Pixels]:
        """One (canvas height, canvas width, 3) per tile, mid-grey where the page ends."""
        if page.shape[:2] != (self.height, self.width):
            smaller = self.width < page.shape[1]
            how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
            page = cast(Pixels, cv2.resize(page, (self.width, self.height), interpolation=how))
        canvases = []
        for tile in self.tiles:
            part = page[tile.top : tile.top + self.canvas[0], tile.left : tile.left + self.canvas[1]]
            canvas = np.full((*self.canvas, 3), 127, np.uint8)
            canvas[: part.shape[0], : part.shape[1]] = part
            canvases.append(canvas)
        return canvases

    def joined(self, maps: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """The tiles' answers, each as large as its canvas, to one (height, width)."""
        whole = np.zeros((self.height, self.width), np.float32)
        for tile, answer in zip(self.tiles, maps, strict=True):
            (y0, y1), (x0, x1) = tile.rows, tile.columns
            whole[tile.top + y0 : tile.top + y1, tile.left + x0 : tile.left + x1] = answer[y0:y1, x0:x1]
        return whole


def usual_scale(width: int, height: int) -> float:
    """Canvas pixels for one of a page's of which nothing is known yet."""
    return min(max(LONG_SIDE / max(width, height), SHORT_SIDE / min(width, height)), MOST_ENLARGED)


def plan(width: int, height: int, scale: float, sizes: Sequence[Size]) -> Plan:
    """The fewest pixels of canvas that show a page at about `scale`."""
    for size in sorted(sizes, key=lambda one: one[0] * one[1]):
        fits = min(size[0] / height, size[1] / width)
        if fits >= scale * GIVES_WAY:
            return _laid_out(width, height, min(scale, fits), size)
    plans = [_laid_out(width, height, scale, size) for size in sizes]
    best = min(plans, key=lambda one: len(one.tiles) * one.canvas[0] * one.canvas[1])
    if len(best.tiles) <= MOST_TILES:
        return best
    return plan(width, height, scale * min(0.9, sqrt(MOST_TILES / len(best.tiles))), sizes)


def _laid_out(width: int, height: int, scale: float, canvas: Size) -> Plan:
    width, height = max(1, int(width * scale)), max(1, int(height * scale))
    tiles = tuple(
        Tile(top, left, rows, columns)
        for top, rows in _steps(height, canvas[0])
        for left, columns in _steps(width, canvas[1])
    )
    return Plan(width, height, canvas, tiles)


def _steps(length: int, side: int) -> list[tuple[int, tuple[int, int]]]:
    """Where canvases begin along one side of the map, and which of their pixels count: to the middle of overlaps."""
    if length <= side:
        return [(0, (0, length))]
    count = ceil((length - SHARED) / (side - SHARED))
    starts = [round(index * (length - side) / (count - 1)) for index in range(count)]
    borders = [0, *((start + before + side) // 2 for before, start in pairwise(starts)), length]
    return [
        (start, (first - start, last - start)) for start, first, last in zip(starts, borders, borders[1:], strict=False)
    ]
