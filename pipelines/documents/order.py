"""Reading order of boxes: recursive cuts along white space, columns before what follows them.

Sources: G. Nagy and S. Seth, "Hierarchical Representation of Optically Scanned Documents" (ICPR 1984) for the X-Y
cut; T. Breuel, "High Performance Document Layout Analysis" (2003) for the partial order where no cut exists. That
stripes of one column structure are read as a whole is ours.
"""

from collections.abc import Sequence
from itertools import pairwise

from pipelines.documents.boxes import across, along, centre, height, union
from pipelines.documents.types import Box

# Boxes of text overlap by some pixels: what is taken off each before looking for white, in its own extent and in
# line heights.
SLACK, SLACK_LINES = 0.1, 0.3
BESIDE = 0.3  # of the lower column's height, for two to be columns


def reading_order(boxes: Sequence[Box], tall: float, floats: Sequence[bool] = ()) -> list[int]:
    """Indices in the order in which a person reads; `tall` is the height of a line of text.

    `floats` tells which boxes are figures, tables and captions. One that stands in the gutter, so that the text of two columns
    runs around it, comes after that text.
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
    parts: list[list[int]] = []
    start = 0
    while start < len(stripes):
        end = len(stripes)
        while end > start + 1 and len(_columns(sum(stripes[start:end], []), boxes)) < 2:
            end -= 1
        parts.append(sum(stripes[start:end], []))
        start = end
    return parts


def _partial(indices: Sequence[int], boxes: Sequence[Box]) -> list[int]:
    """What stands above in the same column comes first, and what stands left with nothing across both between."""
    left = sorted(indices, key=lambda one: (boxes[one][1], boxes[one][0]))
    found: list[int] = []
    while left:
        free = (one for one in left if not any(_is_before(other, one, left, boxes) for other in left if other != one))
        found.append(next(free, left[0]))  # boxes that lie in each other may wait for each other
        left.remove(found[-1])
    return found


def _is_before(one: int, other: int, indices: Sequence[int], boxes: Sequence[Box]) -> bool:
    a, b = boxes[one], boxes[other]
    if across(a, b) > 0:
        return centre(a)[1] < centre(b)[1]
    if a[0] > b[0]:
        return False
    low, high = sorted((centre(a)[1], centre(b)[1]))
    return not any(
        low < centre(boxes[index])[1] < high and across(boxes[index], a) > 0 and across(boxes[index], b) > 0
        for index in indices
    )
