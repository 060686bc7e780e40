"""Fuses what several views of a picture show: boxes of one class that match are averaged, and so are their scores.

Source: R. Solovyev, W. Wang and T. Gabruseva, "Weighted boxes fusion: Ensembling boxes from different object detection
models" (Image and Vision Computing, 2021). Matching is ours: one to one, the best overlap first.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.nms import Floats, measure_intersections
from pipelines.objects.detections import Detections

MATCH_IOU = 0.5


def fuse_views(views: Sequence[Detections], weights: Sequence[float]) -> Detections:
    """`weights` add up to 1. A view that misses an object counts as a score of 0 for it."""
    fused = _weigh(views[0], weights[0])
    for view, weight in zip(views[1:], weights[1:], strict=True):
        fused = _merge(fused, _weigh(view, weight))
    return fused.suppress_duplicates()


def _weigh(view: Detections, weight: float) -> Detections:
    return Detections(view.boxes, view.classes, view.scores * np.float32(weight))


def _merge(one: Detections, other: Detections) -> Detections:
    """Matching boxes averaged by their scores, which add up, and after them the boxes that only `other` has."""
    rows, partners = match_boxes(one, other)
    boxes, scores = one.boxes.copy(), one.scores.copy()
    own, more = one.scores[rows, None], other.scores[partners, None]
    boxes[rows] = (own * one.boxes[rows] + more * other.boxes[partners]) / (own + more)
    scores[rows] += other.scores[partners]
    is_new = np.ones(len(other), np.bool_)
    is_new[partners] = False
    rest = other[is_new]
    return Detections(
        np.concatenate([boxes, rest.boxes]),
        np.concatenate([one.classes, rest.classes]),
        np.concatenate([scores, rest.scores]),
    )


def match_boxes(one: Detections, other: Detections) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows of `one` and of `other` that are pairs: of one class, each row in one pair, the best overlaps first."""
    overlaps = pairwise_iou(one.boxes, other.boxes)
    overlaps[one.classes[:, None] != other.classes] = 0
    rows, partners = np.nonzero(overlaps >= MATCH_IOU)
    order = np.argsort(-overlaps[rows, partners], kind="stable")
    pairs, taken, given = list[tuple[int, int]](), set[int](), set[int]()
    for row, partner in zip(rows[order].tolist(), partners[order].tolist(), strict=True):
        if row not in taken and partner not in given:
            pairs.append((row, partner))
            taken.add(row)
            given.add(partner)
    matched = np.array(pairs, np.intp).reshape(-1, 2)
    return matched[:, 0], matched[:, 1]


def pairwise_iou(one: Floats, other: Floats) -> Floats:
    """(N, M): intersection over union of (N, 4) with (M, 4) boxes."""
    shared = measure_intersections(one, other)
    areas, other_areas = ((boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (one, other))
    shares: Floats = shared / np.maximum(areas[:, None] + other_areas - shared, np.float32(1e-12))
    return shares
