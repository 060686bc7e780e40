"""Boxes in an image: their type and the arithmetic on them."""

from collections.abc import Iterable
from typing import Literal

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels, y downwards

BoxPosition = Literal[
    "top left", "top", "top right", "left", "centre", "right", "bottom left", "bottom", "bottom right"
]

# By thirds of the image, down and then across.
POSITIONS: tuple[tuple[BoxPosition, ...], ...] = (
    ("top left", "top", "top right"),
    ("left", "centre", "right"),
    ("bottom left", "bottom", "bottom right"),
)


def box_width(box: Box) -> float:
    return box[2] - box[0]


def box_height(box: Box) -> float:
    return box[3] - box[1]


def box_area(box: Box) -> float:
    return max(0.0, box_width(box)) * max(0.0, box_height(box))


def box_centre(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def enclosing_box(boxes: Iterable[Box]) -> Box:
    """The smallest box around all of `boxes`, of which there must be at least one."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def clip_box(box: Box, bounds: Box) -> Box:
    """The part of the box in `bounds`; a box outside of them becomes a line or a point on their edge."""
    (x0, y0, x1, y1), (left, top, right, bottom) = box, bounds
    return (
        min(max(x0, left), right),
        min(max(y0, top), bottom),
        min(max(x1, left), right),
        min(max(y1, top), bottom),
    )


def intersection_area(one: Box, other: Box) -> float:
    return horizontal_overlap(one, other) * vertical_overlap(one, other)


def horizontal_overlap(one: Box, other: Box) -> float:
    """Pixels that the two share horizontally; 0 if they stand side by side."""
    return max(0.0, min(one[2], other[2]) - max(one[0], other[0]))


def vertical_overlap(one: Box, other: Box) -> float:
    """Pixels that the two share vertically; 0 if one stands above the other."""
    return max(0.0, min(one[3], other[3]) - max(one[1], other[1]))


def contained_share(inner: Box, outer: Box) -> float:
    """The share of the area of `inner` that lies in `outer`, 0-1."""
    return intersection_area(inner, outer) / max(box_area(inner), 1e-9)


def intersection_over_union(one: Box, other: Box) -> float:
    """Intersection over union, 0-1; 0 for two boxes without any area."""
    shared = intersection_area(one, other)
    return shared / max(box_area(one) + box_area(other) - shared, 1e-9)


def is_on_same_line(one: Box, other: Box) -> bool:
    """Whether they are parts of one line: the vertical overlap is at least half of the lower box's height."""
    return vertical_overlap(one, other) >= 0.5 * min(box_height(one), box_height(other))
