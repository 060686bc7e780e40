"""Finds the printed labels of form fields by their position.

A box or button has its own label to the right, and may share one to the left with others of its row. A field to write
in has its label to the left or above it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipelines.boxes import Box, box_height, horizontal_overlap, vertical_overlap
from pipelines.documents.stages import TextLine

# In heights of the label's line.
MAX_GAP_RIGHT, MAX_GAP_LEFT, MAX_GAP_ABOVE = 3.0, 25.0, 1.2
SLACK = 0.5  # by which a label may reach into the field
MIN_LEVEL = 0.5  # of the lower one's height, that label and field share


@dataclass(frozen=True, slots=True)
class FieldLabels:
    """Indices of lines: the field's label on its row, and above it."""

    left: int | None = None
    right: int | None = None
    above: int | None = None


def find_labels(boxes: Sequence[Box], are_buttons: Sequence[bool], lines: Sequence[TextLine]) -> list[FieldLabels]:
    """One for each field; `lines` are those of the page that are no field's value."""
    rights = [
        _find_right(box, lines, boxes) if is_button else None for box, is_button in zip(boxes, are_buttons, strict=True)
    ]
    taken = {right for right in rights if right is not None}
    free = [at for at in range(len(lines)) if at not in taken]
    found = []
    for at, box in enumerate(boxes):
        others = [other for number, other in enumerate(boxes) if number != at and not are_buttons[number]]
        left = _find_left(box, free, lines, others)
        above = None if are_buttons[at] else _find_above(box, free, lines, boxes)
        found.append(FieldLabels(left, rights[at], above if left is None else None))
    return found


def _find_right(box: Box, lines: Sequence[TextLine], fields: Sequence[Box]) -> int | None:
    gaps = [
        (line.box[0] - box[2], at)
        for at, line in enumerate(lines)
        if _are_level(box, line.box)
        and -SLACK * line.height <= line.box[0] - box[2] <= MAX_GAP_RIGHT * line.height
        and not _lie_between(fields, box, line.box)
    ]
    return min(gaps)[1] if gaps else None


def _find_left(box: Box, free: Iterable[int], lines: Sequence[TextLine], fields: Sequence[Box]) -> int | None:
    gaps = [
        (box[0] - lines[at].box[2], at)
        for at in free
        if _are_level(box, lines[at].box)
        and -SLACK * lines[at].height <= box[0] - lines[at].box[2] <= MAX_GAP_LEFT * lines[at].height
        and not _lie_between(fields, lines[at].box, box)
    ]
    return min(gaps)[1] if gaps else None


def _find_above(box: Box, free: Iterable[int], lines: Sequence[TextLine], fields: Sequence[Box]) -> int | None:
    gaps = [
        (box[1] - lines[at].box[3], at)
        for at in free
        if horizontal_overlap(box, lines[at].box) > 0
        and -SLACK * lines[at].height <= box[1] - lines[at].box[3] <= MAX_GAP_ABOVE * lines[at].height
        and abs(lines[at].box[0] - box[0]) <= 2 * lines[at].height
    ]
    return min(gaps)[1] if gaps else None


def _are_level(box: Box, line: Box) -> bool:
    return vertical_overlap(box, line) >= MIN_LEVEL * min(box_height(box), box_height(line))


def _lie_between(fields: Sequence[Box], left: Box, right: Box) -> bool:
    """Whether a field stands between two boxes of one row."""
    return any(
        left[2] <= (field[0] + field[2]) / 2 <= right[0] and _are_level(field, left) and field not in (left, right)
        for field in fields
    )
