"""Replaces the words of a text layer that are not what the page shows by what OCR reads in their place."""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from pipelines.boxes import Box
from pipelines.documents.pdf.page_characters import Floats
from pipelines.documents.stages import PageText, TextLine, TextWord

MARGIN = 0.15  # of a word's height around it, that OCR sees


def find_garbled_boxes(text: PageText) -> Floats:
    """(n, 4) of the words with score 0, with a margin, within the page. A lone sign is not worth reading."""
    height, width = text.pixels.shape[:2]
    words = (word for line in text.lines for word in line.words if _is_worth_reading(word))
    boxes = np.array([_widen(word.box) for word in words], np.float32).reshape(-1, 4)
    return cast(Floats, boxes.clip(0, (width, height, width, height)))


def replace_garbled(text: PageText, found: Sequence[TextLine]) -> PageText:
    """The page with what OCR has found in place of its garbled words; what it has not found stays, with score 0."""
    words = [word for line in found for word in line.words]
    return replace(text, lines=tuple(_replace_in_line(line, words) for line in text.lines))


def _replace_in_line(line: TextLine, found: Sequence[TextWord]) -> TextLine:
    if all(word.score > 0 for word in line.words):
        return line
    words = tuple(_replace_word(word, found) if _is_worth_reading(word) else word for word in line.words)
    score = min(word.score for word in words)
    return replace(line, text=" ".join(word.text for word in words), words=words, score=score)


def _replace_word(word: TextWord, found: Sequence[TextWord]) -> TextWord:
    x0, y0, x1, y1 = _widen(word.box)
    own = [
        one for one in found if x0 <= (one.box[0] + one.box[2]) / 2 <= x1 and y0 <= (one.box[1] + one.box[3]) / 2 <= y1
    ]
    if not own:
        return word
    own.sort(key=lambda one: one.box[0])
    return replace(word, text=" ".join(one.text for one in own), score=min(one.score for one in own))


def _is_worth_reading(word: TextWord) -> bool:
    return word.score == 0 and len(word.text) > 1


def _widen(box: Box) -> Box:
    margin = MARGIN * min(box[3] - box[1], box[2] - box[0])
    return box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin
