"""Tells that a table goes on from the page before, also where its head is repeated.

It does if nothing but furniture stands between the two parts, and either the rows at its top are those of the first
part's head, or the columns stand in the same places and hold the same kinds of values. Rows stay on their pages.
"""

from collections.abc import Sequence
from difflib import SequenceMatcher
from statistics import mean

from pipelines.boxes import Box, enclosing_box
from pipelines.documents.struck_text import mark_cells
from pipelines.documents.tables.markup import to_html
from pipelines.documents.tables.tokens import is_numeric
from pipelines.documents.types import Page, Region, Table, TableCell
from pipelines.linear_patterns import compile_text, text_begins

SAME_HEAD = 0.85  # similarity of two heads' texts, at least: OCR may read a letter of one of them otherwise
SAME_PLACE = 0.02  # of the page, by which a column may stand elsewhere on the next one
FULL_PAGE = 0.75  # of the page's height, to which a table without values reaches, at least
VALUES = 0.6  # share of a column's texts that are values, at least
_LONGEST_MARK = 80  # characters of a line that says that a table goes on

_says_continued = text_begins(
    r"(?s:.*)(?:continue[sd]?\b|cont['’]?d\b|\bcont\.|fortsetzung|fortgesetzt|\bsuite\b|continua|vervolg|forts[aä]tt|"
    r"carried (?:forward|over)|brought forward|[uü]bertrag|[àa] reporter|続き|続く|续表|續表)",
    ignore_case=True,
)
_is_final_row = text_begins(
    r"\W*(?:(?:grand |overall |net |gross |invoice )?"
    r"(?:total|gesamt\w*|summe|endsumme|endbetrag|totaal|totale|totalt|suma|итого)"
    r"(?: (?:amount|sum|due|to pay|payable|incl|excl|inkl|exkl|in|eur|usd|gbp|chf)\b.*)?"
    r"|(?:closing balance|(?:balance|amount) due|balance to pay|endsaldo|nouveau solde|saldo final)\b.*)\W*$",
    ignore_case=True,
)
_PAGE_NUMBER = compile_text(
    r"(?:page|seite|p[aá]gina|blatt|sheet|sida|side|\bp\.|\bpg\.?)\s*\d+(?:\s*(?:of|von|de|di|sur|van|av|/)\s*\d+)?"
    r"|^\W*\d{1,4}\s*(?:(?:of|von|de|di|sur|van|av|/)\s*\d{1,4})?\W*$",
    ignore_case=True,
)


def link_tables(before: Sequence[Page], page: Page) -> Page:
    """The page; if its first table goes on from the last of `before`, whose numbers rise, that table says so."""
    if not before or before[-1].number + 1 != page.number or before[-1].rotation != page.rotation:
        return page
    last, first = _find_last_table(before[-1], page), _find_first_table(page, before[-1])
    if last is None or first is None or last.columns != first.columns:
        return page
    head = _find_head(before, last)
    repeated = _count_repeated(head, first)
    if not repeated and not (head and _is_body(first, last, before[-1], page)):
        return page
    region = _find_region(before[-1], last)
    linked = first.model_copy(update={"continues": region.id, "repeated_head_rows": repeated})
    linked = linked if repeated else _drop_head(linked, _find_region(page, first))
    return page.model_copy(update={"tables": [linked if table is first else table for table in page.tables]})


def _drop_head(table: Table, region: Region) -> Table:
    """The table without a head of its own: its first row is one of the body."""
    cells = [cell.model_copy(update={"is_header": False}) for cell in table.cells]
    return table.model_copy(update={"cells": cells, "html": to_html(mark_cells(cells, region.lines))})


def _find_last_table(page: Page, following: Page) -> Table | None:
    """The table at the page's end; None if other content comes after it, or its last row is its sum."""
    region = next((one for one in page.regions[::-1] if not _is_furniture(one, following, "footer")), None)
    table = _find_table(page, region)
    last = [cell.text for cell in table.cells if cell.row == table.rows - 1 and cell.text] if table else []
    return None if last and _is_final_row(last[0]) else table


def _find_first_table(page: Page, before: Page) -> Table | None:
    """The table at the page's beginning; None if other content comes before it."""
    return _find_table(page, next((one for one in page.regions if not _is_furniture(one, before, "header")), None))


def _find_table(page: Page, region: Region | None) -> Table | None:
    return next((table for table in page.tables if region and table.region == region.order), None)


def _find_region(page: Page, table: Table) -> Region:
    return next(region for region in page.regions if region.order == table.region)


def _is_furniture(region: Region, other: Page, label: str) -> bool:
    """Whether it is a header or footer, stands on the `other` page, too, or says that a table goes on.

    One that differs in a number that counts no pages, as `Invoice 17` and `Invoice 18` do, begins something else.
    """
    if region.label == "table":
        return False
    text = " ".join(line.text for line in region.lines)
    if len(text) <= _LONGEST_MARK and _says_continued(text):
        return True
    alike = [one for one in other.regions if one.label != "table" and _simplify(one) == _simplify(region)]
    if alike:
        return any(_list_numbers(one) == _list_numbers(region) for one in alike)
    if _list_numbers(region) or ":" in text:
        return region.label == "footnote"
    return region.label in (label, "footnote") or (bool(text) and not _list_letters(text))


def _simplify(region: Region) -> str:
    """Its letters; a figure without text is known by its size."""
    x0, y0, x1, y1 = region.box
    return "".join(map(_list_letters, (line.text for line in region.lines))) or f"{x1 - x0:.0f} {y1 - y0:.0f}"


def _list_letters(text: str) -> str:
    return "".join(one for one in text.casefold() if one.isalpha())


def _list_numbers(region: Region) -> str:
    """Its digits, but for those of page numbers."""
    texts = (_PAGE_NUMBER.sub("", line.text.encode(errors="replace").decode()) for line in region.lines)
    return "".join(one for text in texts for one in text if one.isdecimal())


def _find_head(before: Sequence[Page], table: Table) -> list[TableCell]:
    """The head of the table, which may stand some pages before this part of it."""
    for page in before[::-1]:
        head = [cell for cell in table.cells if cell.is_header]
        if head or table.continues is None:
            return head
        earlier = next(one for one in before if one.number == page.number - 1)
        table = next(one for one in earlier.tables if _find_region(earlier, one).id == table.continues)
    return []


def _count_repeated(head: Sequence[TableCell], table: Table) -> int:
    """How many rows at the table's top are those of the head: all of them, or none."""
    rows = max((cell.row + cell.row_span for cell in head), default=0)
    top = [cell for cell in table.cells if cell.row < rows]
    is_same = 0 < rows < table.rows and _measure_likeness(head, top) >= SAME_HEAD
    return rows if is_same else 0


def _measure_likeness(head: Sequence[TableCell], top: Sequence[TableCell]) -> float:
    """The least similarity of two cells in the same column, 0-1; 0 if one has a text where the other has none."""
    texts, others = _join_columns(head), _join_columns(top)
    if texts.keys() != others.keys() or not texts:
        return 0.0
    return min(SequenceMatcher(None, texts[at], others[at], autojunk=False).ratio() for at in texts)


def _join_columns(cells: Sequence[TableCell]) -> dict[int, str]:
    joined: dict[int, str] = {}
    for cell in cells:
        text = "".join(cell.text.casefold().split())
        joined[cell.column] = joined.get(cell.column, "") + text
    return {column: text for column, text in joined.items() if text}


def _is_body(table: Table, last: Table, before: Page, page: Page) -> bool:
    """Whether the table's first row is one like the rows of `last`: in its columns, and with values where it has some.

    A table of other columns, or one that begins with names of columns, is another table.
    """
    extents = [_find_extents(part, one) for part, one in ((last, before), (table, page))]
    is_aligned = extents[0].keys() == extents[1].keys() and all(
        _is_in_place(extents[0][column], extents[1][column]) for column in extents[0]
    )
    if not is_aligned:
        return False
    columns = _find_value_columns(last)
    if not columns:  # then nothing in the rows tells, but the page had no room for more of them
        return not before.rotation and last.box[3] > FULL_PAGE * before.height
    top = {cell.column: cell.text for cell in table.cells if cell.row == 0 and cell.text}
    kinds = [is_numeric(top[column]) for column in columns if column in top]
    return bool(kinds) and all(kinds)


def _find_value_columns(table: Table) -> list[int]:
    body: dict[int, list[str]] = {}
    for cell in table.cells:
        if not cell.is_header and cell.text:
            body.setdefault(cell.column, []).append(cell.text)
    return [column for column, texts in body.items() if mean(map(is_numeric, texts)) >= VALUES]


def _find_extents(table: Table, page: Page) -> dict[int, tuple[float, float]]:
    """Begin and end of each column's texts along its rows, as shares of the page."""
    boxes: dict[int, list[Box]] = {}
    for cell in table.cells:
        if cell.text and cell.column_span == 1:
            boxes.setdefault(cell.column, []).append(cell.box)
    axis, size = (1, page.height) if page.rotation % 180 else (0, page.width)
    extents = {column: enclosing_box(found) for column, found in boxes.items()}
    return {column: (box[axis] / size, box[axis + 2] / size) for column, box in extents.items()}


def _is_in_place(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether the two begin or end in the same place, or have the same middle."""
    begin, end = one[0] - other[0], one[1] - other[1]
    return min(abs(begin), abs(end), abs(begin + end) / 2) < SAME_PLACE
