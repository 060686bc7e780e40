"""Regions for a finer search: enclosed around boxes, cut into tiles, packed onto few canvases."""

from collections.abc import Iterable, Iterator, Sequence
from math import ceil, floor

import cv2
import numpy as np

from pipelines.faces.candidates import Floats
from pipelines.faces.canvas import Canvas, Rectangle, View, pack_skyline


def enclose_boxes(boxes: Floats, width: int, height: int, *, margin: float, grain: float) -> list[Rectangle]:
    """Rectangles that hold all `boxes` (N, 4) of a picture of `width` x `height`; no two share a pixel.

    Each rectangle has at least `margin` times a box's longer side around that box's centre, as far as the picture goes.
    Edges lie on multiples of `grain` pixels, or at the picture's border.
    """
    if not len(boxes):
        return []
    shape = ceil(height / grain), ceil(width / grain)
    centres, reach = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).max(axis=1) * margin
    first = np.floor((centres - reach[:, None]) / grain).clip(0)
    last = np.minimum(np.ceil((centres + reach[:, None]) / grain), shape[::-1])
    cells = np.concatenate([first, last], axis=1).astype(int).tolist()
    rectangles = [cell for cell in cells if cell[0] < cell[2]]
    before = len(rectangles) + 1
    while len(rectangles) < before:  # rectangles around two groups may touch where the groups did not
        before, rectangles = len(rectangles), _merge_touching(rectangles, shape)
    return [
        (floor(x0 * grain), floor(y0 * grain), min(ceil(x1 * grain), width), min(ceil(y1 * grain), height))
        for x0, y0, x1, y1 in rectangles
    ]


def _merge_touching(rectangles: Sequence[Sequence[int]], shape: tuple[int, int]) -> list[list[int]]:
    """One rectangle around each group of rectangles that overlap or touch."""
    covered = np.zeros(shape, np.uint8)
    for x0, y0, x1, y1 in rectangles:
        covered[y0:y1, x0:x1] = 1
    _, _, groups, _ = cv2.connectedComponentsWithStats(covered, connectivity=8)
    return [[x, y, x + width, y + height] for x, y, width, height, _ in groups[1:].tolist()]


def cut_tiles(region: Rectangle, *, scale: float, side: int, overlap: int) -> list[View]:
    """Cut `region` at `scale` into as few views of at most `side` x `side` pixels as possible.

    Neighbours overlap by `overlap`, so that no face is cut in all of them, and are no larger than that takes.
    """
    reach, shared = floor(side / scale), ceil(overlap / scale)
    x0, y0, x1, y1 = region
    return [
        View((left, top, right, bottom), max(1, int((right - left) * scale)), max(1, int((bottom - top) * scale)))
        for top, bottom in _split_span(y0, y1, reach, shared)
        for left, right in _split_span(x0, x1, reach, shared)
    ]


def _split_span(first: int, last: int, longest: int, overlap: int) -> list[tuple[int, int]]:
    """Overlapping spans of one length, `longest` at most, that cover `first` to `last`."""
    length = last - first
    if length <= longest:
        return [(first, last)]
    count = ceil((length - overlap) / (longest - overlap))
    reach = ceil((length + (count - 1) * overlap) / count)
    starts = [first + round(index * (length - reach) / (count - 1)) for index in range(count)]
    return [(start, start + reach) for start in starts]


def pack_onto_canvases(sizes: Iterable[tuple[int, int]], views: Sequence[View]) -> list[Canvas]:
    """Pack all views onto few canvases, tall ones first. Raises ValueError for a view that fits none of `sizes`."""
    allowed, canvases = list(sizes), list[Canvas]()
    remaining = sorted(views, key=lambda view: -view.height)
    while remaining:
        attempts = (pack_skyline(allowed, remaining[:count]) for count in _halve_down(len(remaining)))
        canvas = next((packed for packed in attempts if packed), None)
        if canvas is None:
            raise ValueError(f"no canvas holds {remaining[0].width} x {remaining[0].height} pixels")
        canvases.append(canvas)
        remaining = remaining[len(canvas.views) :]
    return canvases


def _halve_down(count: int) -> Iterator[int]:
    while count > 1:
        yield count
        count = (count + 1) // 2
    yield 1
