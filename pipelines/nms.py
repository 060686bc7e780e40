"""Greedy non-maximum suppression: of boxes that overlap too much, the one with the best score stays."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

BLOCK = 64  # boxes compared with all others at once: one matrix is quicker than its rows one by one


def keep_best(boxes: Floats, scores: Floats, *, iou: float, of_smaller: bool = False) -> list[int]:
    """Rows that greedy non-maximum suppression keeps, best score first.

    With `of_smaller` the intersection is measured against the smaller box instead of the union: a part
    of a face then does not survive beside the whole.
    """
    return suppressed(boxes, scores, iou=iou, of_smaller=of_smaller)[0]


def suppressed(boxes: Floats, scores: Floats, *, iou: float, of_smaller: bool) -> tuple[list[int], NDArray[np.intp]]:
    """Rows that are kept, and (N,) for each row the index in that list of the one that replaces it."""
    order, kept = np.argsort(-scores, kind="stable"), list[int]()
    owners = np.zeros(len(boxes), np.intp)
    while order.size:
        best = order[:BLOCK]
        overlaps = _find_overlaps(boxes[best], boxes[order], iou=iou, of_smaller=of_smaller)
        is_free = np.ones(len(order), np.bool_)
        for index, row in enumerate(best.tolist()):
            if is_free[index]:
                is_own = overlaps[index] & is_free
                is_own[index] = True
                owners[order[is_own]] = len(kept)
                kept.append(row)
                is_free &= ~is_own
        order = order[is_free]
    return kept, owners


def _find_overlaps(one: Floats, other: Floats, *, iou: float, of_smaller: bool) -> NDArray[np.bool_]:
    """(N, M): which of (N, 4) and (M, 4) boxes overlap by more than `iou`."""
    shared = intersection_areas(one, other)
    areas, other_areas = _areas(one)[:, None], _areas(other)
    whole = np.minimum(areas, other_areas) if of_smaller else areas + other_areas - shared
    overlaps: NDArray[np.bool_] = shared > iou * whole
    return overlaps


def intersection_areas(one: Floats, other: Floats) -> Floats:
    """(N, M): areas that (N, 4) and (M, 4) boxes share."""
    x0, y0, x1, y1 = one.T[:, :, None]
    width = np.minimum(x1, other[:, 2]) - np.maximum(x0, other[:, 0])
    height = np.minimum(y1, other[:, 3]) - np.maximum(y0, other[:, 1])
    areas: Floats = np.maximum(width, 0) * np.maximum(height, 0)
    return areas


def _areas(boxes: Floats) -> Floats:
    areas: Floats = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return areas
