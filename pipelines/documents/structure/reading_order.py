"""Reading order of boxes: recursive cuts along white space, columns before what follows them.

Sources: G. Nagy and S. Seth, "Hierarchical Representation of Optically Scanned Documents" (ICPR 1984) for the X-Y
cut; T. Breuel, "High Performance Document Layout Analysis" (2003) for the partial order where no cut exists. That
stripes of one column structure are read as a whole is ours.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipelines.documents.boxes import along, height, union
from pipelines.documents.types import Box

# Boxes of text overlap by some pixels: what is taken off each before looking for white, in its own extent and in
# line heights.
SLACK, SLACK_LINES = 0.1, 0.3
BESIDE = 0.3  # of the lower column's height, for two to be columns


def reading_order(boxes: Sequence[Box], tall: float, floats: Sequence[bool] = ()) -> list[int]:
    """Indices in the order in which a person reads; `tall` is the height of a line of text.

    `floats` tells which boxes are figures, tables and captions. One that stands in the gutter, so that the text of
    two columns runs around it, comes after that text.
    """
    shrunk = [_shrunk(box, tall) for box in boxes]
    text = [index for index in range(len(boxes)) if index >= len(floats) or not floats[index]]
    tallest = [index for index in text if height(boxes[index]) > 2 * tall]  # headings may stand over a gutter
    gutters = [(left[1] + right[0]) / 2 for left, right in pairwise(_extents(_cut(tallest, shrunk, axis=0), shrunk))]
    aside = {index for index in range(len(boxes)) if index not in text and _is_in(boxes[index], gutters)}
    return _ordered([i for i in range(len(boxes)) if i not in aside], shrunk, tall) + sorted(aside)


def _extents(columns: Sequence[Sequence[int]], boxes: Sequence[Box]) -> list[tuple[float, float]]:
    wholes = [union(boxes[index] for index in column) for column in columns]
    return [(whole[0], whole[2]) for whole in wholes]


def _is_in(box: Box, gutters: Sequence[float]) -> bool:
    margin = 0.1 * (box[2] - box[0])
    return any(box[0] + margin < x < box[2] - margin for x in gutters)


def _shrunk(box: Box, tall: float) -> Box:
    x = min(SLACK * (box[2] - box[0]), SLACK_LINES * tall)
    y = min(SLACK * (box[3] - box[1]), SLACK_LINES * tall)
    return box[0] + x, box[1] + y, box[2] - x, box[3] - y


def _ordered(indices: list[int], boxes: Sequence[Box], tall: float) -> list[int]:
    if len(indices) < 2:
        return indices
    columns, stripes = _columns(indices, boxes), _cut(indices, boxes, axis=1)
    if len(columns) > 1 and not _is_grid(stripes, boxes, tall):
        parts = columns
    elif len(stripes) > 1:
        parts = stripes if len(columns) > 1 else _joined(stripes, boxes)
    else:
        return _partial(indices, boxes)
    return [index for part in parts for index in _ordered(part, boxes, tall)]


def _cut(indices: Sequence[int], boxes: Sequence[Box], *, axis: int) -> list[list[int]]:
    """Groups that white space separates: columns for axis 0, stripes for axis 1; left to right or top to bottom."""
    groups: list[list[int]] = []
    end = float("-inf")
    for index in sorted(indices, key=lambda one: boxes[one][axis]):
        if boxes[index][axis] >= end:
            groups.append([])
        groups[-1].append(index)
        end = max(end, boxes[index][axis + 2])
    return groups


def _columns(indices: Sequence[int], boxes: Sequence[Box]) -> list[list[int]]:
    """Columns that stand beside each other, not merely one above and left of the other; else one."""
    columns = _cut(indices, boxes, axis=0)
    extents = [union(boxes[index] for index in column) for column in columns]
    if all(along(one, other) >= BESIDE * min(height(one), height(other)) for one, other in pairwise(extents)):
        return columns
    return [list(indices)]


def _is_grid(stripes: Sequence[Sequence[int]], boxes: Sequence[Box], tall: float) -> bool:
    """Whether it is rows rather than columns: single lines that stand level with each other, as in a form."""
    level = [stripe for stripe in stripes if len(stripe) > 1]
    is_low = all(boxes[index][3] - boxes[index][1] < 1.6 * tall for stripe in stripes for index in stripe)
    return is_low and len(stripes) > 1 and 2 * len(level) > len(stripes)


def _joined(stripes: list[list[int]], boxes: Sequence[Box]) -> list[list[int]]:
    """Neighbouring stripes that one gutter runs through are one part; each other stripe is its own."""
    whole = union(boxes[index] for stripe in stripes for index in stripe)
    parts: list[list[int]] = []
    start = 0
    while start < len(stripes):
        taken, best, end = list(stripes[start]), list(stripes[start]), start + 1
        for at in range(start + 1, len(stripes)):
            taken += stripes[at]
            columns = _columns(taken, boxes)
            if len(columns) > 1:
                best, end = list(taken), at + 1
            elif _is_closed(taken, boxes, whole):
                break
        parts.append(best)
        start = end
    return parts


def _is_closed(indices: Sequence[int], boxes: Sequence[Box], whole: Box) -> bool:
    """Whether no gutter is left, whatever comes below."""
    extents = _extents(_cut(indices, boxes, axis=0), boxes)
    return len(extents) == 1 and extents[0][0] <= whole[0] and extents[0][1] >= whole[2]


def _partial(indices: Sequence[int], boxes: Sequence[Box]) -> list[int]:
    """What stands above in the same column comes first, and what stands left with nothing across both between."""
    left = sorted(indices, key=lambda one: (boxes[one][1], boxes[one][0]))
    is_before = _relation(np.array([boxes[index] for index in left]))
    is_left = np.ones(len(left), bool)
    found: list[int] = []
    while is_left.any():
        free = is_left & ~is_before[is_left].any(axis=0)
        chosen = int(np.argmax(free if free.any() else is_left))  # boxes that lie in each other may wait for each other
        found.append(left[chosen])
        is_left[chosen] = False
    return found


def _relation(boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(N, N): whether the row's box has to be read before the column's."""
    x0, y0, x1, y1 = boxes.T
    middle = (y0 + y1) / 2
    is_across = np.minimum(x1[:, None], x1) > np.maximum(x0[:, None], x0)
    is_above = middle[:, None] < middle
    is_left = ~is_across & (x0[:, None] < x0)
    for one in range(len(boxes)):  # takes it from pairs that this box stands between
        near = np.flatnonzero(is_across[one])
        is_between = is_above[near, one][:, None] & is_above[one, near][None, :]
        is_left[np.ix_(near, near)] &= ~(is_between | is_between.T)
    relation: NDArray[np.bool_] = (is_across & is_above) | is_left
    np.fill_diagonal(relation, False)
    return relation
