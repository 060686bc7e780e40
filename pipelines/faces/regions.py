"""Parts of a picture that deserve a closer look: found around boxes, cut into tiles, packed onto few canvases."""

from collections.abc import Iterable, Iterator, Sequence
from math import ceil, floor

import cv2
import numpy as np

from pipelines.faces.candidates import Floats
from pipelines.faces.canvas import Canvas, Rectangle, View, pack


def around(boxes: Floats, width: int, height: int, *, margin: float, grain: float) -> list[Rectangle]:
    """Rectangles that hold all `boxes` (N, 4) of a picture of `width` x `height`; no two share a pixel.

    Each box has at least `margin` times its longer side around its centre, as far as the picture goes.
    Edges lie on multiples of `grain` pixels, or at the picture's border.
    """
    if not len(boxes):
        return []
    shape = ceil(height / grain), ceil(width / grain)
    centres, reach = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).max(axis=1) * margin
    first = np.floor((centres - reach[:, None]) / grain).clip(0)
    last = np.minimum(np.ceil((centres + reach[:, None]) / grain), shape[::-1])
    found = [one for one in np.concatenate([first, last], axis=1).astype(int).tolist() if one[0] < one[2]]
    before = len(found) + 1
    while len(found) < before:  # the rectangles around two groups may touch where the groups did not
        before, found = len(found), _joined(found, shape)
    return [
        (floor(x0 * grain), floor(y0 * grain), min(ceil(x1 * grain), width), min(ceil(y1 * grain), height))
        for x0, y0, x1, y1 in found
    ]


def _joined(rectangles: Sequence[Sequence[int]], shape: tuple[int, int]) -> list[list[int]]:
    """The rectangles around each group of those that share or touch."""
    covered = np.zeros(shape, np.uint8)
    for x0, y0, x1, y1 in rectangles:
        covered[y0:y1, x0:x1] = 1
    _, _, groups, _ = cv2.connectedComponentsWithStats(covered, connectivity=8)
    return [[x, y, x + width, y + height] for x, y, width, height, _ in groups[1:].tolist()]


def tiles(region: Rectangle, *, scale: float, side: int, overlap: int) -> list[View]:
    """`region` at `scale` in as few views as its sides allow that are `side` at most.

    They are no larger than they must be to overlap by `overlap`, so that no face is cut in all of them.
    """
    reach, shared = floor(side / scale), ceil(overlap / scale)
    x0, y0, x1, y1 = region
    return [
        View((left, top, right, bottom), max(1, int((right - left) * scale)), max(1, int((bottom - top) * scale)))
        for top, bottom in _spans(y0, y1, reach, shared)
        for left, right in _spans(x0, x1, reach, shared)
    ]


def _spans(first: int, last: int, most: int, overlap: int) -> list[tuple[int, int]]:
    """Spans of one length, `most` at most, from `first` to `last`."""
    length = last - first
    if length <= most:
        return [(first, last)]
    count = ceil((length - overlap) / (most - overlap))
    reach = ceil((length + (count - 1) * overlap) / count)
    starts = [first + round(index * (length - reach) / (count - 1)) for index in range(count)]
    return [(start, start + reach) for start in starts]


def packed(sizes: Iterable[tuple[int, int]], views: Sequence[View]) -> list[Canvas]:
    """All views on few canvases, tall ones first; raises ValueError for one that fits none of `sizes`."""
    allowed, canvases = list(sizes), list[Canvas]()
    rest = sorted(views, key=lambda one: -one.height)
    while rest:
        canvas = next((one for count in _halves(len(rest)) if (one := pack(allowed, rest[:count]))), None)
        if canvas is None:
            raise ValueError(f"no canvas holds {rest[0].width} x {rest[0].height} pixels")
        canvases.append(canvas)
        rest = rest[len(canvas.views) :]
    return canvases


def _halves(count: int) -> Iterator[int]:
    while count > 1:
        yield count
        count = (count + 1) // 2
    yield 1
