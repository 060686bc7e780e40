"""Whether a page is a table as a whole: a crop that a layout model cannot place."""

from collections.abc import Sequence
from statistics import mean, median

import numpy as np

from pipelines.documents.parts import Block, Pixels, TextLine
from pipelines.documents.tables.grid import column_extents
from pipelines.documents.tables.pieces import pieces_of, visual_rows

FEWEST_ROWS, FEWEST_COLUMNS = 3, 3
FILLED = 0.6  # of the places in rows and columns
WORDS = 4.0  # of a cell, on average: columns of text have more


def is_table(lines: Sequence[TextLine], graphics: Sequence[Block], pixels: Pixels) -> bool:
    """Rows and columns of short texts and nothing else; only asked where no table was found."""
    if any(block.label == "table" for block in graphics):
        return False
    pieces = pieces_of(lines)
    rows = visual_rows(pieces)
    if len(rows) < FEWEST_ROWS:
        return False
    columns = column_extents(rows, median(line.height for line in lines))
    if len(columns) < FEWEST_COLUMNS:
        return False
    filled = float(np.mean([min(len(row), len(columns)) for row in rows])) / len(columns)
    return filled >= FILLED and mean(len(piece.text.split()) for piece in pieces) <= WORDS
