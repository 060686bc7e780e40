"""Whether a page is a table as a whole: a crop that a layout model cannot place."""

from collections.abc import Sequence
from statistics import mean, median

import numpy as np

from pipelines.documents.stages import Block, Pixels, TextLine
from pipelines.documents.tables.grid import column_extents
from pipelines.documents.tables.tokens import Piece, pieces_of, visual_rows

FEWEST_ROWS, FEWEST_COLUMNS = 3, 3
FILLED = 0.6  # of the places in rows and columns
ALIGNED = 0.6  # of the texts of a column
WORDS = 4.0  # of a cell, on average: columns of text have more


def is_table(lines: Sequence[TextLine], graphics: Sequence[Block], pixels: Pixels) -> bool:
    """Rows and columns of short texts and nothing else; only asked where no table was found."""
    if any(block.label == "table" for block in graphics):
        return False
    pieces = pieces_of(lines)
    rows = visual_rows(pieces)
    if len(rows) < FEWEST_ROWS:
        return False
    tall = median(line.height for line in lines)
    columns = column_extents(rows, tall)
    if len(columns) < FEWEST_COLUMNS:
        return False
    filled = float(np.mean([min(len(row), len(columns)) for row in rows])) / len(columns)
    is_short = mean(len(piece.text.split()) for piece in pieces) <= WORDS
    return filled >= FILLED and is_short and all(_is_aligned(pieces, column, tall) for column in columns)


def _is_aligned(pieces: Sequence[Piece], column: tuple[float, float], tall: float) -> bool:
    """Whether most texts of a column begin, end or are centred at one place, as words of running text are not."""
    spans = np.array([(one.box[0], one.box[2]) for one in pieces if column[0] <= one.centre[0] <= column[1]])
    edges = np.column_stack([spans, spans.mean(axis=1)])
    near = np.abs(edges - np.median(edges, axis=0)) <= 0.6 * tall
    return bool(near.mean(axis=0).max() >= ALIGNED)
