"""Finds the reading order of boxes by recursive cuts along white space: whole columns before what follows them.

Sources: G. Nagy and S. Seth, "Hierarchical Representation of Optically Scanned Documents" (ICPR 1984) for the X-Y
cut; T. Breuel, "High Performance Document Layout Analysis" (2003) for the partial order where no cut exists. Reading
stripes with the same columns as one part is our own addition.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipelines.boxes import Box, box_height, enclosing_box, vertical_overlap

# Boxes of text overlap by some pixels, so each side is shrunk before looking for white: by a share of the box's
# extent, but no more than a share of the line height.
SHRINK, SHRINK_LINES = 0.1, 0.3
# A narrow column of side headings: its width relative to both columns; in line heights, how far they may be from the
# first line of their text, and how high they may be.
SIDE_WIDTH, SIDE_LEVEL, SIDE_HEIGHT = 0.4, 0.8, 4.5
FEWEST_TURNS = 3  # changes between two columns that take turns
BESIDE = 0.3  # vertical overlap of two columns, relative to the shorter one, at least


def find_reading_order(boxes: Sequence[Box], line_height: float, floats: Sequence[bool] = ()) -> list[int]:
    """Indices in the order in which a person reads; `line_height` is that of the text.

    `floats` marks the boxes of figures, tables and captions. A float in the gutter, with the text of two columns
    running around it, comes after that text.
    """
    shrunk = [_shrink(box, line_height) for box in boxes]
    text = [index for index in range(len(boxes)) if index >= len(floats) or not floats[index]]
    tall = [index for index in text if box_height(boxes[index]) > 2 * line_height]  # headings may stand over a gutter
    gutters = [
        (left[1] + right[0]) / 2
        for left, right in pairwise(_horizontal_extents(_split_at_gaps(tall, shrunk, axis=0), shrunk))
    ]
    last = {index for index in range(len(boxes)) if index not in text and _is_in_gutter(boxes[index], gutters)}
    others = [index for index in range(len(boxes)) if index not in last]
    return _order_boxes(others, shrunk, line_height) + sorted(last)


def _horizontal_extents(columns: Sequence[Sequence[int]], boxes: Sequence[Box]) -> list[tuple[float, float]]:
    extents = [enclosing_box(boxes[index] for index in column) for column in columns]
    return [(extent[0], extent[2]) for extent in extents]


def _is_in_gutter(box: Box, gutters: Sequence[float]) -> bool:
    margin = 0.1 * (box[2] - box[0])
    return any(box[0] + margin < x < box[2] - margin for x in gutters)


def _shrink(box: Box, line_height: float) -> Box:
    x = min(SHRINK * (box[2] - box[0]), SHRINK_LINES * line_height)
    y = min(SHRINK * (box[3] - box[1]), SHRINK_LINES * line_height)
    return box[0] + x, box[1] + y, box[2] - x, box[3] - y


def _order_boxes(indices: list[int], boxes: Sequence[Box], line_height: float) -> list[int]:
    if len(indices) < 2:
        return indices
    columns, stripes = _split_columns(indices, boxes), _split_at_gaps(indices, boxes, axis=1)
    if len(columns) == 2 and (rows := _split_at_side_headings(columns, boxes, line_height)):
        parts = rows
    elif len(columns) > 1 and _take_turns(columns, stripes):
        parts = stripes
    elif len(columns) > 1 and not _is_grid(stripes, boxes, line_height):
        parts = columns
    elif len(stripes) > 1:
        parts = stripes if len(columns) > 1 else _join_stripes(stripes, boxes)
    else:
        return _order_by_position(indices, boxes)
    return [index for part in parts for index in _order_boxes(part, boxes, line_height)]


def _split_at_gaps(indices: Sequence[int], boxes: Sequence[Box], *, axis: int) -> list[list[int]]:
    """Groups separated by white space: columns for axis 0, stripes for axis 1; left to right or top to bottom."""
    groups: list[list[int]] = []
    end = float("-inf")
    for index in sorted(indices, key=lambda one: boxes[one][axis]):
        if boxes[index][axis] >= end:
            groups.append([])
        groups[-1].append(index)
        end = max(end, boxes[index][axis + 2])
    return groups


def _split_columns(indices: Sequence[int], boxes: Sequence[Box]) -> list[list[int]]:
    """Columns that really stand side by side, not just one above and left of the other; else a single one."""
    columns = _split_at_gaps(indices, boxes, axis=0)
    extents = [enclosing_box(boxes[index] for index in column) for column in columns]
    if all(
        vertical_overlap(one, other) >= BESIDE * min(box_height(one), box_height(other))
        for one, other in pairwise(extents)
    ):
        return columns
    return [list(indices)]


def _split_at_side_headings(
    columns: Sequence[Sequence[int]], boxes: Sequence[Box], line_height: float
) -> list[list[int]]:
    """Rows that begin at short texts in a narrow column, each level with the first line of a longer one beside it.

    Such are headings beside their paragraphs, times beside entries and notes in a margin; empty where there are none.
    """
    narrow, wide = sorted(columns, key=lambda column: _extent_width(column, boxes))
    if len(narrow) < 2 or _extent_width(narrow, boxes) > SIDE_WIDTH * _extent_width([*narrow, *wide], boxes):
        return []
    tops = sorted(boxes[index][1] for index in narrow)
    beside = [boxes[index] for index in wide]
    are_level = all(any(abs(box[1] - top) < SIDE_LEVEL * line_height for box in beside) for top in tops)
    ends = [*tops[1:], float("inf")]
    are_short = all(
        boxes[index][3] <= end and box_height(boxes[index]) < SIDE_HEIGHT * line_height
        for index, end in zip(sorted(narrow, key=lambda index: boxes[index][1]), ends, strict=True)
    )
    is_text_longer = any(box_height(box) > 1.6 * line_height for box in beside)
    if not (are_level and are_short and is_text_longer):
        return []
    starts = [float("-inf"), *(top - SIDE_LEVEL * line_height for top in tops)]
    rows = [
        [index for index in (*narrow, *wide) if start <= boxes[index][1] < end]
        for start, end in zip(starts, [*starts[1:], float("inf")], strict=True)
    ]
    return [row for row in rows if row]


def _extent_width(column: Sequence[int], boxes: Sequence[Box]) -> float:
    x0, _, x1, _ = enclosing_box(boxes[index] for index in column)
    return x1 - x0


def _take_turns(columns: Sequence[Sequence[int]], stripes: Sequence[Sequence[int]]) -> bool:
    """Whether the outer columns are never level with each other and change often, as bubbles of a chat do.

    What is between them may be level with either, such as the times of messages.
    """
    column_of = {index: number for number, column in enumerate(columns) for index in column}
    outer = [{column_of[index] for index in stripe} & {0, len(columns) - 1} for stripe in stripes]
    changes = sum(one != other for one, other in pairwise(side for side in outer if side))
    return all(len(side) < 2 for side in outer) and changes >= FEWEST_TURNS


def _is_grid(stripes: Sequence[Sequence[int]], boxes: Sequence[Box], line_height: float) -> bool:
    """Whether it has rows rather than columns: most stripes are single lines level with each other, as in a form."""
    level = [stripe for stripe in stripes if len(stripe) > 1]
    is_low = all(boxes[index][3] - boxes[index][1] < 1.6 * line_height for stripe in stripes for index in stripe)
    return is_low and len(stripes) > 1 and 2 * len(level) > len(stripes)


def _join_stripes(stripes: list[list[int]], boxes: Sequence[Box]) -> list[list[int]]:
    """Join neighbouring stripes that share a gutter into one part; every other stripe is a part of its own."""
    page = enclosing_box(boxes[index] for stripe in stripes for index in stripe)
    parts: list[list[int]] = []
    start = 0
    while start < len(stripes):
        candidate, part, end = list(stripes[start]), list(stripes[start]), start + 1
        for at in range(start + 1, len(stripes)):
            candidate += stripes[at]
            if len(_split_columns(candidate, boxes)) > 1:
                part, end = list(candidate), at + 1
            elif _has_no_gutter(candidate, boxes, page):
                break
        parts.append(part)
        start = end
    return parts


def _has_no_gutter(indices: Sequence[int], boxes: Sequence[Box], page: Box) -> bool:
    """Whether the boxes leave no gutter, whatever else comes below them."""
    extents = _horizontal_extents(_split_at_gaps(indices, boxes, axis=0), boxes)
    return len(extents) == 1 and extents[0][0] <= page[0] and extents[0][1] >= page[2]


def _order_by_position(indices: Sequence[int], boxes: Sequence[Box]) -> list[int]:
    """Sort topologically: a box follows those above it in its column and those to its left, see `_precedes`."""
    candidates = sorted(indices, key=lambda index: (boxes[index][1], boxes[index][0]))
    is_before = _precedes(np.array([boxes[index] for index in candidates]))
    remaining = np.ones(len(candidates), bool)
    order: list[int] = []
    while remaining.any():
        free = remaining & ~is_before[remaining].any(axis=0)
        chosen = int(np.argmax(free if free.any() else remaining))  # nested boxes may wait for each other
        order.append(candidates[chosen])
        remaining[chosen] = False
    return order


def _precedes(boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(N, N): whether the first box is read before the second: it is above it in a column, or left of it with no box
    between them that reaches across both."""
    x0, y0, x1, y1 = boxes.T
    middle = (y0 + y1) / 2
    is_in_column = np.minimum(x1[:, None], x1) > np.maximum(x0[:, None], x0)
    is_above = middle[:, None] < middle
    is_left = ~is_in_column & (x0[:, None] < x0)
    for middle_box in range(len(boxes)):
        near = np.flatnonzero(is_in_column[middle_box])
        is_between = is_above[near, middle_box][:, None] & is_above[middle_box, near][None, :]
        is_left[np.ix_(near, near)] &= ~(is_between | is_between.T)
    is_before: NDArray[np.bool_] = (is_in_column & is_above) | is_left
    np.fill_diagonal(is_before, False)
    return is_before
