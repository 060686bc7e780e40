"""Finds tables by the alignment of their texts, where the layout model sees none.

tokens ──► pieces of rows between running text ──► runs of pieces under each other ──► runs with columns ──► boxes
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import median

import numpy as np

from pipelines.boxes import Box, enclosing_box, horizontal_overlap
from pipelines.documents.stages import TextLine
from pipelines.documents.tables.alignment import are_all_columns, are_columns, is_running
from pipelines.documents.tables.tokens import TextToken, group_into_rows, split_into_tokens

# In text heights.
MOST_WHITE = 4.0  # between two rows of a table
WRAP_WHITE = 1.0  # between a row and the row that continues it

MARGIN = 1.6  # of the usual distance of rows, from which few texts at a page's end are no part of the table
FEWEST_ROWS = 3  # with several texts
MOST_HEADINGS = 2  # rows of headings over several columns
SPARSE = 0.5  # share of the columns with text in such a row, at most

Piece = list[TextToken]  # texts of one row, left to right, with no running text between them


@dataclass
class _Run:
    """Pieces under each other, top to bottom. `bottom` is that of the lowest text, long texts in cells included."""

    pieces: list[Piece]
    box: Box
    bottom: float

    def add(self, piece: Piece) -> None:
        self.box = enclosing_box([self.box, *(token.box for token in piece)])
        self.bottom = max(self.bottom, self.box[3])
        self.pieces.append(piece)

    def has_in_one_column(self, text: Box, slack: float) -> bool:
        """Whether the text stands under texts that are all in one column, and does not begin left of them."""
        above = sorted(token.box for piece in self.pieces for token in piece if horizontal_overlap(token.box, text) > 0)
        is_one = all(other[0] < one[2] for one, other in pairwise(above))
        return bool(above) and is_one and text[0] > above[0][0] - slack


def find_aligned_tables(lines: Sequence[TextLine]) -> list[Box]:
    """Boxes of the tables among the lines: at least three rows of short texts that share columns.

    A table ends where running text or wide white begins; a heading above it and a sentence below it are no part of it.
    """
    if len(lines) < FEWEST_ROWS:
        return []
    text_height = median(line.height for line in lines)
    tokens = split_into_tokens([line for line in lines if line.height <= 2 * text_height])
    found = []
    for run in _chain_pieces(_split_rows(tokens), text_height):
        pieces = _trim_ends(run.pieces, text_height)
        if sum(len(piece) > 1 for piece in pieces) >= FEWEST_ROWS and are_columns(pieces, text_height):
            found.append(enclosing_box(token.box for piece in pieces for token in piece))
    return found


def is_table_page(lines: Sequence[TextLine]) -> bool:
    """Whether the lines are rows and columns of short texts and nothing else, as in a crop of a table."""
    rows = group_into_rows(split_into_tokens(lines))
    return len(rows) > 1 and not _have_margins(rows) and are_all_columns(rows, median(line.height for line in lines))


def _have_margins(rows: Sequence[Piece]) -> bool:
    """Whether few texts at either end stand apart from the rows, as a page's header and its number do."""
    return _has_margin(rows) or _has_margin(rows[::-1])


def _has_margin(rows: Sequence[Piece]) -> bool:
    """Whether few texts stand apart from the rows that follow."""
    ys = [median(token.centre[1] for token in row) for row in rows]
    steps = [abs(below - above) for above, below in pairwise(ys)]
    return len(steps) > 1 and len(rows[0]) <= SPARSE * max(map(len, rows)) and steps[0] > MARGIN * median(steps)


def find_notes_below(lines: Sequence[TextLine]) -> list[TextLine]:
    """The lines at a table's end from the first that is running text under several columns: its source, a note."""
    rows = group_into_rows(split_into_tokens(lines))
    full = [row for row in rows if len(row) > 1]
    if not full or full[-1] is rows[-1]:
        return []
    bottom = max(token.box[3] for token in full[-1])
    below = sorted((line for line in lines if line.box[1] + line.box[3] > 2 * bottom), key=lambda line: line.box[1])
    for index, line in enumerate(below):
        texts = split_into_tokens([line])
        columns = max(sum(horizontal_overlap(line.box, token.box) > 0 for token in row) for row in full)
        if len(texts) == 1 and is_running(texts[0]) and columns > 1:
            return below[index:]
    return []


def _split_rows(tokens: Sequence[TextToken]) -> Iterator[Piece]:
    """Rows cut at lines of running text, each of which is a piece of its own; top to bottom."""
    for row in group_into_rows(tokens):
        for _, piece in groupby(row, key=lambda token: token.box if is_running(token) else None):
            yield list(piece)


def _chain_pieces(pieces: Iterator[Piece], text_height: float) -> list[_Run]:
    """Runs of pieces that share columns, with neither wide white nor running text over several columns between."""
    ended: list[_Run] = []
    runs: list[_Run] = []
    for piece in pieces:
        box = enclosing_box(token.box for token in piece)
        above = [run for run in runs if horizontal_overlap(run.box, box) > 0]
        if is_running(piece[0]):
            for run in above:
                if run.has_in_one_column(box, 0.5 * text_height):
                    run.bottom = max(run.bottom, box[3])
                else:
                    runs.remove(run)
                    ended.append(run)
            continue
        near = [run for run in above if box[1] - run.bottom <= MOST_WHITE * text_height]
        if near:
            max(near, key=lambda run: horizontal_overlap(run.box, box)).add(piece)
        else:
            runs.append(_Run([piece], box, box[3]))
    return ended + runs


def _trim_ends(pieces: Sequence[Piece], text_height: float) -> list[Piece]:
    """The pieces without what stands above and below the table.

    That is single texts, unless they continue cells of the last row, and many rows with few texts above fuller ones.
    """
    rows = [index for index, piece in enumerate(pieces) if len(piece) > 1]
    if not rows:
        return []
    most = float(np.percentile([len(pieces[index]) for index in rows], 80))
    first_full = next(at for at, index in enumerate(rows) if len(pieces[index]) > SPARSE * most)
    start = rows[first_full] if first_full > MOST_HEADINGS else rows[0]
    while _has_margin(pieces[start:]):
        start += 1
    texts = [token for index in rows for token in pieces[index][1:]]
    end = rows[-1] + 1
    while end < len(pieces) and _wraps(pieces[end - 1], pieces[end][0], texts, text_height):
        end += 1
    return list(pieces[start:end])


def _wraps(last: Piece, text: TextToken, others: Sequence[TextToken], text_height: float) -> bool:
    """Whether a single text is near below the last piece and begins where others do, none the first of its row."""
    white = text.box[1] - max(token.box[3] for token in last)
    is_under = any(abs(text.box[0] - other.box[0]) < 0.6 * text_height for other in others)
    return is_under and white <= WRAP_WHITE * text_height
