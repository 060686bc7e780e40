"""Finds the words of a text layer that a line was drawn through."""

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from pipelines.documents.pdf.layer_words import LayerWord
from pipelines.documents.pdf.page_characters import Floats

# In heights of the word. A line lower than this is an underline, a higher one a rule above.
MIN_RISE, MAX_RISE, MAX_THICKNESS = 0.1, 0.5, 0.15
MIN_COVERED = 0.6  # of the word's width: one that is struck in part is not valid either
MIN_USED = 0.7  # of the line's length that is over words: rules of tables and charts run on


def find_struck(words: Sequence[LayerWord], strokes: Floats) -> NDArray[np.bool_]:
    """(n,) which words are struck. `strokes` (m, 4) are thin lines in the words' upright pixels."""
    struck = np.zeros(len(words), np.bool_)
    lines = strokes[strokes[:, 2] - strokes[:, 0] > strokes[:, 3] - strokes[:, 1]]
    if not words or not len(lines):
        return struck
    boxes = np.array([word.box for word in words])
    heights, baselines = boxes[:, 3] - boxes[:, 1], np.array([word.baseline for word in words])
    for x0, y0, x1, y1 in _join_lines(lines).tolist():
        rises = (baselines - (y0 + y1) / 2) / np.maximum(heights, 1e-6)
        is_level = (rises >= MIN_RISE) & (rises <= MAX_RISE) & (y1 - y0 <= MAX_THICKNESS * heights)
        shared = np.minimum(boxes[:, 2], x1) - np.maximum(boxes[:, 0], x0)
        crossed = is_level & (shared > 0)
        if not crossed.any():
            continue
        span = min(x1, boxes[crossed, 2].max()) - max(x0, boxes[crossed, 0].min())
        if span >= MIN_USED * (x1 - x0):
            struck |= crossed & (shared >= MIN_COVERED * (boxes[:, 2] - boxes[:, 0]))
    return cast(NDArray[np.bool_], struck)


def _join_lines(lines: Floats) -> Floats:
    """Lines that continue each other on one level are one: Word strikes each run of characters by itself."""
    order = np.lexsort((lines[:, 0], lines[:, 1].round()))
    joined: list[NDArray[np.float32]] = []
    for line in lines[order]:
        if joined and abs(joined[-1][1] - line[1]) < 1 and -1 < line[0] - joined[-1][2] < 2:
            joined[-1] = np.array([joined[-1][0], line[1], max(joined[-1][2], line[2]), line[3]], np.float32)
        else:
            joined.append(line)
    return cast(Floats, np.array(joined, np.float32))
