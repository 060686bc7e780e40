"""The tables of a document as rows of texts: one over several pages is whole on its first page, with one head."""

from dataclasses import dataclass

from pipelines.documents.outputs.furniture import Place
from pipelines.documents.struck_text import mark_cells
from pipelines.documents.types import Document, Region, Table


@dataclass(slots=True)
class WrittenTable:
    """`rows` have a text for each column, with the marks of struck words; a table that goes on from the page before
    has none, as they stand where it begins. `note` says where the other parts were."""

    rows: list[list[str]]
    note: str = ""


def join_tables(document: Document) -> dict[Place, WrittenTable]:
    """Each table by its page and the order of its region."""
    written: dict[Place, WrittenTable] = {}
    beginnings: dict[str, tuple[int, WrittenTable]] = {}  # by the id of each part: where its first part is
    for page in document.pages:
        regions = {region.order: region for region in page.regions}
        for table in page.tables:
            region = regions[table.region]
            own = WrittenTable(list_rows(table, region))
            number, whole = beginnings.get(table.continues or "", (page.number, own))
            beginnings[region.id] = number, whole
            if whole is not own:
                added = own.rows[table.repeated_head_rows :]
                whole.rows += added
                whole.note = f"this table goes on to page {page.number}"
                own = WrittenTable([], f"the table of page {number} goes on here: {len(added)} rows stand there")
            written[page.number, table.region] = own
    return written


def list_rows(table: Table, region: Region) -> list[list[str]]:
    """The texts of all rows, with the marks of struck words; a spanning cell's text is in its top left cell."""
    rows = [[""] * table.columns for _ in range(table.rows)]
    for cell in mark_cells(table.cells, region.lines):
        rows[cell.row][cell.column] = cell.text
    return rows
