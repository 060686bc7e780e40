"""Ruling lines of a table, from its pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.documents.stages import Pixels
from pipelines.documents.types import Box

# Shortest line that counts, in text heights: strokes of letters are shorter.
SHORTEST = 1.6
THICKEST = 0.6  # in text heights; thicker are bars and backgrounds
WITHIN = 0.15  # of a word's height at its top and bottom that a line may still run through: boxes are generous
PRESENT = 0.6  # of a side that its line covers


@dataclass(frozen=True)
class Stroke:
    """`at` its y (or x), from `start` to `end` in the other direction; page pixels."""

    at: float
    start: float
    end: float

    @property
    def length(self) -> float:
        return self.end - self.start


@dataclass(frozen=True)
class Rules:
    """Horizontal and vertical lines of a table, each sorted by where it is."""

    across: tuple[Stroke, ...]
    down: tuple[Stroke, ...]

    def crosses(self, x: float, y0: float, y1: float, slack: float) -> bool:
        """Whether a vertical line at x separates what is left of it from what is right, between y0 and y1."""
        return _covers(self.down, x, y0, y1, slack)

    def underlines(self, y: float, x0: float, x1: float, slack: float) -> bool:
        return _covers(self.across, y, x0, x1, slack)


def _covers(strokes: Sequence[Stroke], at: float, start: float, end: float, slack: float) -> bool:
    near = [one for one in strokes if abs(one.at - at) <= slack]
    total = sum(max(0.0, min(one.end, end) - max(one.start, start)) for one in near)
    return total >= PRESENT * (end - start)


def rules_of(pixels: Pixels, box: Box, tall: float, text: Sequence[Box]) -> Rules:
    """Lines in the box; `tall` is the height of its text, `text` where that stands: no line runs through it."""
    margin = 0.5 * tall
    x0, y0 = (int(max(0, value - margin)) for value in box[:2])
    x1, y1 = (int(value + margin) + 1 for value in box[2:])
    crop = np.asarray(cv2.cvtColor(pixels[y0:y1, x0:x1], cv2.COLOR_RGB2GRAY), np.uint8)
    if min(crop.shape) < 3:
        return Rules((), ())
    shortest = max(8, round(SHORTEST * tall))
    masks = _contrasts(crop, tall)
    for word in text:
        inset = WITHIN * (word[3] - word[1])
        top, bottom = (max(0, round(value)) for value in (word[1] + inset - y0, word[3] - inset - y0))
        left, right = (max(0, round(value)) for value in (word[0] - x0, word[2] - x0))
        for mask in masks:
            mask[top:bottom, left:right] = 0
    flat, upright = np.ones((1, shortest), np.uint8), np.ones((shortest, 1), np.uint8)
    across = [one for mask in masks for one in _strokes(_opened(mask, flat), tall)]
    down = [one for mask in masks for one in _strokes(_opened(mask, upright).T, tall)]
    return Rules(
        tuple(sorted((Stroke(a + y0, b + x0, c + x0) for a, b, c in across), key=lambda one: one.at)),
        tuple(sorted((Stroke(a + x0, b + y0, c + y0) for a, b, c in down), key=lambda one: one.at)),
    )


def _contrasts(grey: NDArray[np.uint8], tall: float) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """1 where a pixel is darker than what surrounds it; 1 where it is lighter and the ground is dark.

    Apart, for dark letters and the gaps between them do not add up to a line.
    """
    side = max(3, round(THICKEST * tall)) | 1
    kernel = np.ones((side, side), np.uint8)
    darker = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, kernel) > 28
    lighter = (cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, kernel) > 60) & (cv2.blur(grey, (3 * side, 3 * side)) < 128)
    return darker.astype(np.uint8), lighter.astype(np.uint8)


def _opened(mask: NDArray[np.uint8], kernel: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel), np.uint8)


def _strokes(mask: NDArray[np.uint8], tall: float) -> list[tuple[float, float, float]]:
    """Connected runs of a mask of horizontal lines as y, x0, x1; the parts of a broken or slanted line joined."""
    count, _, stats, centres = cv2.connectedComponentsWithStats(np.ascontiguousarray(mask), connectivity=8)
    parts = [
        (float(centres[index][1]), float(stats[index, 0]), float(stats[index, 0] + stats[index, 2]))
        for index in range(1, count)
        if stats[index, 3] <= max(3.0, THICKEST * tall)
    ]
    joined: list[tuple[float, float, float]] = []
    for at, start, end in sorted(parts, key=lambda one: one[1]):
        for index, (other, begin, stop) in enumerate(joined):
            if abs(other - at) <= max(1.5, 0.12 * tall) and start - stop <= 0.5 * tall:
                joined[index] = ((other + at) / 2, begin, max(stop, end))
                break
        else:
            joined.append((at, start, end))
    return joined
