"""Builds tables from lines, words and ruling lines: lines ─► tokens ─► grid ─► cells ─► HTML, Markdown."""

from collections.abc import Sequence
from statistics import median

from pipelines.boxes import Box, enclosing_box
from pipelines.documents.stages import Pixels, TextLine
from pipelines.documents.tables.cells import build_cells
from pipelines.documents.tables.grid import build_grid
from pipelines.documents.tables.markup import to_html, to_markdown
from pipelines.documents.tables.ruling_lines import find_ruling_lines
from pipelines.documents.tables.tokens import split_into_tokens
from pipelines.documents.tables.turned_heads import join_turned
from pipelines.documents.types import Table

__all__ = ["build_table", "to_html", "to_markdown"]


def build_table(lines: Sequence[TextLine], box: Box, score: float, region: int, pixels: Pixels) -> Table | None:
    """The table of a region; None if it contains no text."""
    tokens = split_into_tokens(lines)
    if not tokens:
        return None
    text_height = median(line.height for line in lines)
    extent = enclosing_box([box, *(token.box for token in tokens)])
    ruling_lines = find_ruling_lines(pixels, extent, text_height, [token.box for token in tokens])
    tokens = join_turned(tokens, ruling_lines)
    grid = build_grid(tokens, ruling_lines, extent, text_height)
    cells = build_cells(tokens, grid, ruling_lines, text_height)
    return Table(
        box=box, score=score, region=region, rows=grid.rows, columns=grid.columns, html=to_html(cells), cells=cells
    )
