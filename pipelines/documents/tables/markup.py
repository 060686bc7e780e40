"""Tables as HTML and as Markdown. Text is escaped: it comes from an image that anyone may have made."""

from collections.abc import Sequence
from html import escape
from itertools import groupby

from pipelines.documents.types import Cell


def to_html(cells: Sequence[Cell]) -> str:
    """`cells` row by row; header rows in a thead."""
    rows = [list(group) for _, group in groupby(cells, key=lambda cell: cell.row)]
    heads = [row for row in rows if row[0].is_header]
    body = [row for row in rows if not row[0].is_header]
    head = f"<thead>{''.join(map(_row, heads))}</thead>" if heads else ""
    return f"<table>{head}<tbody>{''.join(map(_row, body))}</tbody></table>"


def _row(cells: Sequence[Cell]) -> str:
    return f"<tr>{''.join(map(_cell, cells))}</tr>"


def _cell(cell: Cell) -> str:
    tag = "th" if cell.is_header else "td"
    spans = (("rowspan", cell.row_span), ("colspan", cell.column_span))
    given = "".join(f' {name}="{count}"' for name, count in spans if count > 1)
    return f"<{tag}{given}>{escape(cell.text)}</{tag}>"


def to_markdown(cells: Sequence[Cell], rows: int, columns: int) -> str:
    """A pipe table. It has no spans: a spanning cell's text stands in its first place, the others stay empty."""
    texts = [[""] * columns for _ in range(rows)]
    for cell in cells:
        texts[cell.row][cell.column] = _plain(cell.text)
    lines = [f"| {' | '.join(row)} |" for row in texts]
    return "\n".join([*lines[:1], f"|{' --- |' * columns}", *lines[1:]])


def _plain(text: str) -> str:
    """Without what would end a cell or begin markup."""
    flat = " ".join(text.split())
    return escape(flat, quote=False).replace("\\", "\\\\").replace("|", "\\|")
