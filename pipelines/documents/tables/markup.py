"""Writes tables as HTML and Markdown. Text is escaped: it comes from an image that anyone may have made."""

from collections.abc import Sequence
from html import escape
from itertools import groupby

from pipelines.documents.struck_text import write_elements
from pipelines.documents.types import TableCell


def to_html(cells: Sequence[TableCell]) -> str:
    """`cells` row by row; header rows in a thead, and struck words, which have their marks, in `del` elements."""
    rows = [list(group) for _, group in groupby(cells, key=lambda cell: cell.row)]
    header = [row for row in rows if row[0].is_header]
    body = [row for row in rows if not row[0].is_header]
    thead = f"<thead>{''.join(map(_row_html, header))}</thead>" if header else ""
    return f"<table>{thead}<tbody>{''.join(map(_row_html, body))}</tbody></table>"


def _row_html(cells: Sequence[TableCell]) -> str:
    return f"<tr>{''.join(map(_cell_html, cells))}</tr>"


def _cell_html(cell: TableCell) -> str:
    tag = "th" if cell.is_header else "td"
    spans = (("rowspan", cell.row_span), ("colspan", cell.column_span))
    attributes = "".join(f' {name}="{count}"' for name, count in spans if count > 1)
    return f"<{tag}{attributes}>{write_elements(escape(cell.text))}</{tag}>"


def to_markdown(cells: Sequence[TableCell], rows: int, columns: int) -> str:
    """A pipe table. It has no spans: a spanning cell's text is in its first position, the others stay empty."""
    texts = [[""] * columns for _ in range(rows)]
    for cell in cells:
        texts[cell.row][cell.column] = _escape_text(cell.text)
    lines = [f"| {' | '.join(row)} |" for row in texts]
    return "\n".join([*lines[:1], f"|{' --- |' * columns}", *lines[1:]])


def _escape_text(text: str) -> str:
    """Escape everything that would end a cell or begin markup."""
    flat = " ".join(text.split())
    return escape(flat, quote=False).replace("\\", "\\\\").replace("|", "\\|")
