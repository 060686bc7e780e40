"""Splits lines into tokens, the runs of words without a wide gap that a table's cells are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Literal

import numpy as np

from pipelines.boxes import Box, box_height, enclosing_box, horizontal_overlap
from pipelines.documents.stages import TextLine, TextWord
from pipelines.documents.structure.rows import join_words

GAP = 0.9  # white that ends a token, in line heights: a space is 0.3
UNEVEN = 0.7  # difference of its distances to the two rows, relative to their sum, at most
LINES = 1.7  # distance of two lines of a cell, in line heights, at most
BETWEEN_ROWS = 0.8  # of the usual distance of rows: text this near to the two rows around it has no row of its own


Turn = Literal[0, 90, 270]  # degrees clockwise by which a text is turned: 90 runs down, 270 runs up


@dataclass(frozen=True)
class TextToken:
    """Adjacent words, left to right. `text` joins them as in their line; `turn` is its line's."""

    words: tuple[TextWord, ...]
    text: str
    turn: Turn = 0

    @cached_property
    def box(self) -> Box:
        return enclosing_box(word.box for word in self.words)

    @property
    def centre(self) -> tuple[float, float]:
        x0, y0, x1, y1 = self.box
        return (x0 + x1) / 2, (y0 + y1) / 2


def find_turn(line: TextLine) -> Turn:
    """The turn of a line, to quarters; upside down counts as upright, as its words stand in a row. The outline of a
    single character, such as a 1, tells no turn."""
    dx, dy = (line.quad[1] - line.quad[0]).tolist()
    if abs(dy) < abs(dx) or len(line.text) < 2:
        return 0
    return 90 if dy > 0 else 270


def split_words(line: TextLine) -> tuple[TextWord, ...]:
    """The line's words; if the reader gave none, its text split at spaces, all characters taken as equally wide."""
    if line.words:
        return line.words
    x0, y0, x1, y1 = line.box
    step, at, words = (x1 - x0) / max(1, len(line.text)), 0, []
    for text in line.text.split():
        at = line.text.index(text, at)
        words.append(TextWord(text, (x0 + at * step, y0, x0 + (at + len(text)) * step, y1), line.score))
        at += len(text)
    return tuple(words)


def split_into_tokens(lines: Sequence[TextLine]) -> list[TextToken]:
    """Put every word into exactly one token."""
    text_height = median([line.height for line in lines] or [1.0])
    return [token for line in lines for token in _split_line(line, GAP * text_height)]


def _split_line(line: TextLine, gap: float) -> list[TextToken]:
    runs: list[list[TextWord]] = []
    turn = find_turn(line)
    for word in split_words(line):
        last = runs[-1][-1].box if runs else word.box  # words from right to left stand before the last one
        if runs and max(word.box[0] - last[2], last[0] - word.box[2]) < gap:
            runs[-1].append(word)
        else:
            runs.append([word])
    return [TextToken(tuple(run), join_words(run, line.text), turn) for run in runs]


def group_into_rows(tokens: Sequence[TextToken]) -> list[list[TextToken]]:
    """Group tokens that are level with each other; rows from top to bottom, each from left to right."""
    rows: list[list[TextToken]] = []
    for token in sorted(tokens, key=lambda token: token.centre[1]):
        if rows and _is_level(rows[-1], token):
            rows[-1].append(token)
        else:
            rows.append([token])
    return [sorted(row, key=lambda token: token.box[0]) for row in rows]


def _is_level(row: Sequence[TextToken], new: TextToken) -> bool:
    """Whether `new` is level with the row and beside all of its tokens."""
    middle = median(token.centre[1] for token in row)
    text_height = min(box_height(new.box), median(box_height(token.box) for token in row))
    is_beside = all(token.box[2] - new.box[0] < text_height or new.box[2] - token.box[0] < text_height for token in row)
    return abs(new.centre[1] - middle) < 0.5 * text_height and is_beside


def join_centred_lines(rows: Sequence[list[TextToken]]) -> list[list[TextToken]]:
    """Put the two lines of a cell, one just above and one just below the middle of a row, into that row."""
    ys = [median(token.centre[1] for token in row) for row in rows]
    heights = [median(box_height(token.box) for token in row) for row in rows]
    joined: list[list[TextToken]] = []
    index = 0
    while index < len(rows):
        around = rows[index : index + 3]
        if len(around) == 3 and _are_lines_around(around, ys[index : index + 3], heights[index]):
            joined.append(sorted([token for row in around for token in row], key=lambda token: token.box[0]))
            index += 3
        else:
            joined.append(rows[index])
            index += 1
    return joined


def _are_lines_around(rows: Sequence[list[TextToken]], ys: Sequence[float], height: float) -> bool:
    """Whether the first and last row are lines of the same cells, and the middle one has the other cells of the row."""
    upper, middle, lower = rows
    is_tight = ys[2] - ys[0] < LINES * height and abs(ys[0] + ys[2] - 2 * ys[1]) < 0.5 * height
    is_beside = len(upper) < len(middle) and _is_beside(upper + lower, middle)
    stacked = [one for one in lower if any(horizontal_overlap(one.box, two.box) for two in upper)]
    return (
        is_tight and is_beside and 0 < len(stacked) <= len(upper) and len(lower) <= len(stacked) + 1
    )  # a label beside


def settle_rows(rows: Sequence[list[TextToken]]) -> tuple[list[list[TextToken]], list[list[TextToken]]]:
    """Resolve rows that stand between two others, such as the text of a cell that spans both.

    Returns the rows without them, and the rows with each of them merged into the row above it.
    """
    own: list[list[TextToken]] = []
    merged: list[list[TextToken]] = []
    between = _find_rows_between(rows)
    for index, row in enumerate(rows):
        if index in between:
            merged[-1] = sorted([*merged[-1], *row], key=lambda token: token.box[0])
        else:
            own.append(row)
            merged.append(row)
    return own, merged


def _find_rows_between(rows: Sequence[list[TextToken]]) -> set[int]:
    """Indices of rows unusually near to both neighbours, above none of their tokens, and not all below some."""
    ys = [median(token.centre[1] for token in row) for row in rows]
    likely = {
        index
        for index in range(1, len(rows) - 1)
        if _is_beside(rows[index], rows[index + 1])
        and any(_is_beside([token], rows[index - 1]) for token in rows[index])
        and len(rows[index]) <= len(rows[index + 1]) + (len(rows[0]) if index == 1 else 0)
        and abs(2 * ys[index] - ys[index - 1] - ys[index + 1]) < UNEVEN * (ys[index + 1] - ys[index - 1])
    }
    distances = [ys[index] - ys[index - 1] for index in range(1, len(rows)) if not likely & {index - 1, index}]
    nearest = float(np.percentile(distances, 25)) if distances else 0.0
    near = {index for index in likely if ys[index + 1] - ys[index - 1] < 2 * BETWEEN_ROWS * nearest}
    return {index for index in near if not near & {index - 1, index + 1}}


def _is_beside(row: Sequence[TextToken], others: Sequence[TextToken]) -> bool:
    return all(horizontal_overlap(one.box, other.box) == 0 for one in row for other in others)


def is_numeric(text: str) -> bool:
    """Whether at least half of it is digits: a value, not a name."""
    bare = [character for character in text if not character.isspace()]
    return 2 * sum(character.isdigit() for character in bare) >= len(bare) > 0
