"""Greedy non-maximum suppression: of boxes that overlap too much, the one with the best score."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def keep_best(boxes: Floats, scores: Floats, *, iou: float, of_smaller: bool = False) -> list[int]:
    """Rows that greedy non-maximum suppression keeps, best score first.

    With `of_smaller` the intersection is measured against the smaller box instead of the union: a part
    then does not survive beside the whole.
    """
    return suppressed(boxes, scores, iou=iou, of_smaller=of_smaller)[0]


def suppressed(boxes: Floats, scores: Floats, *, iou: float, of_smaller: bool) -> tuple[list[int], NDArray[np.intp]]:
    """Rows that are kept, and for each row which of those stands for it: (N,) places in that list."""
    x0, y0, x1, y1 = boxes.T
    area = (x1 - x0) * (y1 - y0)
    order, kept = np.argsort(-scores, kind="stable"), list[int]()
    owners = np.zeros(len(boxes), np.intp)
    while order.size:
        best, rest = order[0], order[1:]
        owners[best] = len(kept)
        width = np.minimum(x1[best], x1[rest]) - np.maximum(x0[best], x0[rest])
        height = np.minimum(y1[best], y1[rest]) - np.maximum(y0[best], y0[rest])
        both = np.maximum(width, 0) * np.maximum(height, 0)
        whole = np.minimum(area[best], area[rest]) if of_smaller else area[best] + area[rest] - both
        is_apart = both <= iou * whole
        owners[rest[~is_apart]] = len(kept)
        kept.append(int(best))
        order = rest[is_apart]
    return kept, owners
