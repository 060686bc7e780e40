"""Recognises a page that is a table as a whole, such as a crop in which the layout model finds nothing."""

from collections.abc import Sequence
from statistics import mean, median

import numpy as np

from pipelines.documents.stages import TextLine
from pipelines.documents.tables.grid import find_column_extents
from pipelines.documents.tables.tokens import TextToken, group_into_rows, split_into_tokens

FEWEST_ROWS, FEWEST_COLUMNS = 3, 3
FILLED = 0.6  # share of the cells with text, at least
ALIGNED = 0.6  # share of a column's texts that are aligned, at least
MOST_WORDS = 4.0  # per cell, on average: columns of running text have more


def is_table_page(lines: Sequence[TextLine]) -> bool:
    """Whether the lines form rows and columns of short texts and nothing else."""
    tokens = split_into_tokens(lines)
    rows = group_into_rows(tokens)
    if len(rows) < FEWEST_ROWS:
        return False
    text_height = median(line.height for line in lines)
    columns = find_column_extents(rows, text_height)
    if len(columns) < FEWEST_COLUMNS:
        return False
    filled = float(np.mean([min(len(row), len(columns)) for row in rows])) / len(columns)
    is_short = mean(len(token.text.split()) for token in tokens) <= MOST_WORDS
    return filled >= FILLED and is_short and all(_is_aligned(tokens, column, text_height) for column in columns)


def _is_aligned(tokens: Sequence[TextToken], column: tuple[float, float], text_height: float) -> bool:
    """Whether most texts of a column share a left edge, right edge or centre, unlike words of running text."""
    spans = np.array([(token.box[0], token.box[2]) for token in tokens if column[0] <= token.centre[0] <= column[1]])
    edges = np.column_stack([spans, spans.mean(axis=1)])
    near = np.abs(edges - np.median(edges, axis=0)) <= 0.6 * text_height
    return bool(near.mean(axis=0).max() >= ALIGNED)
