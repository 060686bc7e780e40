"""Tables from lines, words and ruling lines: text ─► pieces ─► grid ─► cells ─► HTML, Markdown."""

from collections.abc import Sequence
from statistics import median

from pipelines.documents.boxes import union
from pipelines.documents.stages import Pixels, TextLine
from pipelines.documents.tables.cells import cells_of
from pipelines.documents.tables.grid import grid_of
from pipelines.documents.tables.markup import to_html, to_markdown
from pipelines.documents.tables.ruling_lines import rules_of
from pipelines.documents.tables.tokens import pieces_of
from pipelines.documents.types import Box, Table

__all__ = ["table_of", "to_html", "to_markdown"]


def table_of(lines: Sequence[TextLine], box: Box, score: float, region: int, pixels: Pixels) -> Table | None:
    """The table of a region, None where nothing is written in it."""
    pieces = pieces_of(lines)
    if not pieces:
        return None
    tall = median(line.height for line in lines)
    whole = union([box, *(piece.box for piece in pieces)])
    rules = rules_of(pixels, whole, tall, [piece.box for piece in pieces])
    grid = grid_of(pieces, rules, whole, tall)
    cells = cells_of(pieces, grid, rules, tall)
    return Table(
        box=box, score=score, region=region, rows=grid.rows, columns=grid.columns, html=to_html(cells), cells=cells
    )
