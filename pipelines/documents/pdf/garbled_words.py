"""Replaces the words of a text layer that are not what the page shows by what OCR reads in their place."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import cast

import numpy as np

from pipelines.boxes import Box, enclosing_box
from pipelines.documents.pdf.page_characters import Floats
from pipelines.documents.stages import PageText, TextLine, TextWord

# Of its height around a passage, that OCR sees: the boxes of such fonts are not exact, and beyond a line is only white.
MARGIN, MARGIN_AT_LINE_END = 0.2, 0.6
LONGEST_MARK = 2  # characters: a sign before a line, in which OCR finds none, is taken as a bullet
BULLET = "•"


def find_garbled_boxes(text: PageText) -> Floats:
    """(n, 4) of the garbled passages, with a margin, within the page."""
    height, width = text.pixels.shape[:2]
    frames = [frame for line in text.lines for run, frame in _find_passages(line.words) if _is_worth_reading(run)]
    boxes = np.array(frames, np.float32).reshape(-1, 4)
    return cast(Floats, boxes.clip(0, (width, height, width, height)))


def replace_garbled(text: PageText, found: Sequence[TextLine]) -> PageText:
    """The page with what OCR has found in place of its garbled words; what it has not found stays, with score 0."""
    words = [word for line in found for word in line.words]
    return replace(text, lines=tuple(_replace_in_line(line, words) for line in text.lines))


def _replace_in_line(line: TextLine, found: Sequence[TextWord]) -> TextLine:
    if all(word.score > 0 for word in line.words):
        return line
    words: list[TextWord] = []
    for run, frame in _find_passages(line.words):
        read = _find_inside(frame, found) if _is_worth_reading(run) else []
        is_mark = not words and len(run) < len(line.words) and _is_short(run)
        words += read or ([replace(run[0], text=BULLET)] if is_mark else run)
    score = min(word.score for word in words)
    return replace(line, text=" ".join(word.text for word in words), words=tuple(words), score=score)


def _find_passages(words: Sequence[TextWord]) -> Iterator[tuple[list[TextWord], Box]]:
    """The words of a line in runs that are garbled or not, with the box in which OCR may find their words."""
    at = 0
    for _, group in groupby(words, lambda word: word.score == 0):
        run = list(group)
        x0, y0, x1, y1 = enclosing_box(word.box for word in run)
        height = min(y1 - y0, x1 - x0)
        left = MARGIN if at else MARGIN_AT_LINE_END
        at += len(run)
        right = MARGIN if at < len(words) else MARGIN_AT_LINE_END
        yield run, (x0 - left * height, y0 - MARGIN * height, x1 + right * height, y1 + MARGIN * height)


def _is_short(run: Sequence[TextWord]) -> bool:
    return run[0].score == 0 and sum(len(word.text) for word in run) <= LONGEST_MARK


def _is_worth_reading(run: Sequence[TextWord]) -> bool:
    """A lone sign is not."""
    return run[0].score == 0 and sum(len(word.text) for word in run) > 1


def _find_inside(box: Box, words: Sequence[TextWord]) -> list[TextWord]:
    x0, y0, x1, y1 = box
    centres = [((word.box[0] + word.box[2]) / 2, (word.box[1] + word.box[3]) / 2) for word in words]
    own = [word for word, (x, y) in zip(words, centres, strict=True) if x0 <= x <= x1 and y0 <= y <= y1]
    return sorted(own, key=lambda word: word.box[0])
