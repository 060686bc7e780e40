"""Arithmetic of boxes: x0, y0, x1, y1 in pixels, y downwards."""

from collections.abc import Iterable

from pipelines.documents.types import Box


def width(box: Box) -> float:
    return box[2] - box[0]


def height(box: Box) -> float:
    return box[3] - box[1]


def area(box: Box) -> float:
    return max(0.0, width(box)) * max(0.0, height(box))


def centre(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def union(boxes: Iterable[Box]) -> Box:
    """The box around all of them; there has to be one at least."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def common(one: Box, other: Box) -> float:
    """Area of the intersection."""
    return across(one, other) * along(one, other)


def across(one: Box, other: Box) -> float:
    """Pixels that both have in common horizontally, 0 where they stand beside each other."""
    return max(0.0, min(one[2], other[2]) - max(one[0], other[0]))


def along(one: Box, other: Box) -> float:
    """Pixels that both have in common vertically, 0 where one stands above the other."""
    return max(0.0, min(one[3], other[3]) - max(one[1], other[1]))


def share(inner: Box, outer: Box) -> float:
    """Part of `inner` that lies in `outer`, 0-1."""
    return common(inner, outer) / max(area(inner), 1e-9)


def iou(one: Box, other: Box) -> float:
    both = common(one, other)
    return both / max(area(one) + area(other) - both, 1e-9)


def in_a_row(one: Box, other: Box) -> bool:
    """Whether they overlap vertically by half of the lower one: two parts of one line."""
    return along(one, other) >= 0.5 * min(height(one), height(other))
