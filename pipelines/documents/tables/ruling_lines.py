"""Finds the ruling lines of a table in its pixels."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.boxes import Box
from pipelines.documents.stages import Pixels

SHORTEST = 1.6  # length of a line, in text heights: strokes of letters are shorter
THICKEST = 0.6  # in text heights: bars and backgrounds are thicker
WORD_MARGIN = 0.15  # of a word's height, at its top and bottom, where a line may run: readers draw generous boxes
COVERED = 0.6  # of a cell's side that a line must cover


@dataclass(frozen=True)
class RulingLine:
    """`at` is its y (x if vertical); it runs from `start` to `end` in the other direction. In page pixels."""

    at: float
    start: float
    end: float

    @property
    def length(self) -> float:
        return self.end - self.start


@dataclass(frozen=True)
class RulingLines:
    """Horizontal and vertical lines of a table, each sorted by position."""

    horizontal: tuple[RulingLine, ...]
    vertical: tuple[RulingLine, ...]

    def has_vertical(self, x: float, y0: float, y1: float, slack: float) -> bool:
        """Whether a line within `slack` of x separates left from right between y0 and y1."""
        return _is_covered(self.vertical, x, y0, y1, slack)

    def has_horizontal(self, y: float, x0: float, x1: float, slack: float) -> bool:
        """Whether a line within `slack` of y separates above from below between x0 and x1."""
        return _is_covered(self.horizontal, y, x0, x1, slack)


def _is_covered(lines: Sequence[RulingLine], at: float, start: float, end: float, slack: float) -> bool:
    near = [line for line in lines if abs(line.at - at) <= slack]
    total = sum(max(0.0, min(line.end, end) - max(line.start, start)) for line in near)
    return total >= COVERED * (end - start)


def find_ruling_lines(pixels: Pixels, box: Box, text_height: float, words: Sequence[Box]) -> RulingLines:
    """Find the lines in `box`. `words` are the boxes of its text, which no line runs through."""
    margin = 0.5 * text_height
    x0, y0 = (int(max(0, value - margin)) for value in box[:2])
    x1, y1 = (int(value + margin) + 1 for value in box[2:])
    crop = np.asarray(cv2.cvtColor(pixels[y0:y1, x0:x1], cv2.COLOR_RGB2GRAY), np.uint8)
    if min(crop.shape) < 3:
        return RulingLines((), ())
    shortest = max(8, round(SHORTEST * text_height))
    masks = _contrast_masks(crop, text_height)
    for word in words:
        inset = WORD_MARGIN * (word[3] - word[1])
        top, bottom = (max(0, round(value)) for value in (word[1] + inset - y0, word[3] - inset - y0))
        left, right = (max(0, round(value)) for value in (word[0] - x0, word[2] - x0))
        for mask in masks:
            mask[top:bottom, left:right] = 0
    flat, upright = np.ones((1, shortest), np.uint8), np.ones((shortest, 1), np.uint8)
    horizontal = [line for mask in masks for line in _trace_lines(_open_mask(mask, flat), text_height)]
    vertical = [line for mask in masks for line in _trace_lines(_open_mask(mask, upright).T, text_height)]
    return RulingLines(
        horizontal=_sort_lines(RulingLine(at + y0, start + x0, end + x0) for at, start, end in horizontal),
        vertical=_sort_lines(RulingLine(at + x0, start + y0, end + y0) for at, start, end in vertical),
    )


def _sort_lines(lines: Iterable[RulingLine]) -> tuple[RulingLine, ...]:
    return tuple(sorted(lines, key=lambda line: line.at))


def _contrast_masks(grey: NDArray[np.uint8], text_height: float) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Masks of the pixels that are darker than their surroundings, and of those that are lighter on a dark ground.

    They are separate so that dark letters and the gaps between them do not add up to a line.
    """
    side = max(3, round(THICKEST * text_height)) | 1
    kernel = np.ones((side, side), np.uint8)
    darker = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, kernel) > 28
    lighter = (cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, kernel) > 60) & (cv2.blur(grey, (3 * side, 3 * side)) < 128)
    return darker.astype(np.uint8), lighter.astype(np.uint8)


def _open_mask(mask: NDArray[np.uint8], kernel: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel), np.uint8)


def _trace_lines(mask: NDArray[np.uint8], text_height: float) -> list[tuple[float, float, float]]:
    """Connected runs in a mask of horizontal lines as (y, x0, x1); parts of a broken or slanted line are joined."""
    count, _, stats, centres = cv2.connectedComponentsWithStats(np.ascontiguousarray(mask), connectivity=8)
    parts = [
        (float(centres[index][1]), float(stats[index, 0]), float(stats[index, 0] + stats[index, 2]))
        for index in range(1, count)
        if stats[index, 3] <= max(3.0, THICKEST * text_height)
    ]
    joined: list[tuple[float, float, float]] = []
    for at, start, end in sorted(parts, key=lambda part: part[1]):
        for index, (other, begin, stop) in enumerate(joined):
            if abs(other - at) <= max(1.5, 0.12 * text_height) and start - stop <= 0.5 * text_height:
                joined[index] = ((other + at) / 2, begin, max(stop, end))
                break
        else:
            joined.append((at, start, end))
    return joined
