"""Greedy non-maximum suppression: of boxes that overlap too much, only the one with the best score stays."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

BLOCK = 64  # boxes compared with all others at once: one matrix is quicker than its rows one by one


def keep_best(boxes: Floats, scores: Floats, *, iou: float, of_smaller: bool = False) -> list[int]:
    """Rows that greedy non-maximum suppression keeps, best score first.

    With `of_smaller` the intersection is measured against the smaller box instead of the union: a box around a part
    of a face then does not survive beside the box around the whole.
    """
    return suppress_overlaps(boxes, scores, iou=iou, of_smaller=of_smaller)[0]


def suppress_overlaps(
    boxes: Floats, scores: Floats, *, iou: float, of_smaller: bool
) -> tuple[list[int], NDArray[np.intp]]:
    """Rows that are kept, best score first, and (N,) for each row the index in that list of its replacement."""
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
    """(N, M): True where one of (N, 4) and one of (M, 4) boxes overlap by more than `iou`."""
    shared = measure_intersections(one, other)
    areas, other_areas = _measure_areas(one)[:, None], _measure_areas(other)
    whole = np.minimum(areas, other_areas) if of_smaller else areas + other_areas - shared
    overlaps: NDArray[np.bool_] = shared > iou * whole
    return overlaps


def measure_intersections(one: Floats, other: Floats) -> Floats:
    """(N, M): the areas that (N, 4) and (M, 4) boxes share."""
    x0, y0, x1, y1 = one.T[:, :, None]
    width = np.minimum(x1, other[:, 2]) - np.maximum(x0, other[:, 0])
    height = np.minimum(y1, other[:, 3]) - np.maximum(y0, other[:, 1])
    areas: Floats = np.maximum(width, 0) * np.maximum(height, 0)
    return areas


def _measure_areas(boxes: Floats) -> Floats:
    areas: Floats = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return areas
