"""Finds boxes of text that stand side by side, as on slides: level headings, each over its own items."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from pipelines.boxes import Box, is_on_same_line

LARGER = 1.15  # height of a heading relative to what is under it, unless that has bullets
ALIKE = 1.15  # heights of two headings in one row, at most
INDENT, OUTDENT = 4.0, 0.7  # of what is under a heading, in its heights
MAX_GAP = 3.0  # white within a box, in heights of the heading


@dataclass(frozen=True, slots=True)
class BoxPart:
    """A text that may be a heading or stand under one; `height` is that of its lines."""

    box: Box
    height: float
    is_item: bool


def find_box_rows(parts: Sequence[BoxPart]) -> list[list[list[int]]]:
    """Rows of boxes from top to bottom; each box has the indices of its heading and of what is under it, in order.

    A box belongs to a row if at least one other stands beside it. Rows of a table or form are none: their heads are
    not larger than their cells.
    """
    rows: list[list[list[int]]] = []
    used: set[int] = set()
    for first in sorted(range(len(parts)), key=lambda index: parts[index].box[1]):
        if first in used:
            continue
        heads = _find_level_heads(first, parts)
        if len(heads) < 2:
            continue
        boxes = [_collect_box(at, heads, parts) for at in range(len(heads))]
        if _are_boxes(boxes, parts) and used.isdisjoint(index for box in boxes for index in box):
            rows.append(boxes)
            used |= {index for box in boxes for index in box}
    return rows


def _find_level_heads(first: int, parts: Sequence[BoxPart]) -> list[int]:
    """Indices of the parts level with this one and as high, from left to right."""
    head = parts[first]
    level = [
        index
        for index, part in enumerate(parts)
        if is_on_same_line(head.box, part.box)
        and max(part.height, head.height) <= ALIKE * min(part.height, head.height)
        and not part.is_item
    ]
    return sorted(level, key=lambda index: parts[index].box[0]) if not head.is_item else []


def _collect_box(at: int, heads: Sequence[int], parts: Sequence[BoxPart]) -> list[int]:
    """The heading and what is under it: aligned with it, left of the next heading, and without much white between."""
    head = parts[heads[at]]
    right = parts[heads[at + 1]].box[0] if at + 1 < len(heads) else float("inf")
    box, bottom = [heads[at]], head.box[3]
    below = (index for index in range(len(parts)) if parts[index].box[1] > head.box[1] + 0.5 * head.height)
    for index in sorted(below, key=lambda index: parts[index].box[1]):
        part = parts[index]
        if part.box[2] <= head.box[0] or part.box[0] >= right:
            continue
        step = part.box[0] - head.box[0]
        is_aligned = -OUTDENT * head.height <= step <= INDENT * head.height and part.box[2] <= right
        is_heading = not part.is_item and part.height * ALIKE > head.height
        if not is_aligned or is_heading or part.box[1] - bottom > MAX_GAP * head.height:
            break
        box.append(index)
        bottom = max(bottom, part.box[3])
    return box


def _are_boxes(boxes: Sequence[Sequence[int]], parts: Sequence[BoxPart]) -> bool:
    under = [parts[index] for box in boxes for index in box[1:]]
    if sum(len(box) > 1 for box in boxes) < max(2, len(boxes) - 1):
        return False
    is_larger = median(parts[box[0]].height for box in boxes) >= LARGER * median(part.height for part in under)
    return is_larger or 2 * sum(part.is_item for part in under) > len(under)
