"""Greedy non-maximum suppression: of boxes that overlap too much, the one with the best score."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

BLOCK = 64  # boxes that are compared with all others at once: a matrix is quicker than its rows one by one


def keep_best(boxes: Floats, scores: Floats, *, iou: float, of_smaller: bool = False) -> list[int]:
    """Rows that greedy non-maximum suppression keeps, best score first.

    With `of_smaller` the intersection is measured against the smaller box instead of the union: a part
    of a face then does not survive beside the whole.
    """
    return suppressed(boxes, scores, iou=iou, of_smaller=of_smaller)[0]


def suppressed(boxes: Floats, scores: Floats, *, iou: float, of_smaller: bool) -> tuple[list[int], NDArray[np.intp]]:
    """Rows that are kept, and for each row which of those stands for it: (N,) places in that list."""
    order, kept = np.argsort(-scores, kind="stable"), list[int]()
    owners = np.zeros(len(boxes), np.intp)
    while order.size:
        best = order[:BLOCK]
        shares = _shares(boxes[best], boxes[order], iou=iou, of_smaller=of_smaller)
        is_free = np.ones(len(order), np.bool_)
        for place, row in enumerate(best.tolist()):
            if is_free[place]:
                is_own = shares[place] & is_free
                is_own[place] = True
                owners[order[is_own]] = len(kept)
                kept.append(row)
                is_free &= ~is_own
        order = order[is_free]
    return kept, owners


def _shares(one: Floats, other: Floats, *, iou: float, of_smaller: bool) -> NDArray[np.bool_]:
    """(N, M): which of (N, 4) and (M, 4) boxes have more than `iou` in common."""
    x0, y0, x1, y1 = one.T[:, :, None]
    width = np.minimum(x1, other[:, 2]) - np.maximum(x0, other[:, 0])
    height = np.minimum(y1, other[:, 3]) - np.maximum(y0, other[:, 1])
    both = np.maximum(width, 0) * np.maximum(height, 0)
    area, others = (x1 - x0) * (y1 - y0), (other[:, 2] - other[:, 0]) * (other[:, 3] - other[:, 1])
    whole = np.minimum(area, others) if of_smaller else area + others - both
    shares: NDArray[np.bool_] = both > iou * whole
    return shares
