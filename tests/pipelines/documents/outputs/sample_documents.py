"""Handmade documents for tests of outputs."""

from pipelines.boxes import Box
from pipelines.documents.types import Document, DocumentLine, DocumentWord, Page, Region, RegionLabel, Table, TableCell

BOX: Box = (100.0, 100.0, 500.0, 130.0)


def make_line(text: str, box: Box = BOX, score: float = 0.9) -> DocumentLine:
    """Words side by side, as wide as they are long."""
    x0, y0, x1, y1 = box
    step = (x1 - x0) / max(len(text), 1)
    words, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        words.append(DocumentWord(text=word, box=(x0 + at * step, y0, x0 + (at + len(word)) * step, y1), score=score))
        at += len(word)
    return DocumentLine(text=text, box=box, score=score, words=words)


def make_region(label: RegionLabel, *texts: str, order: int = 0, height: float = 30.0) -> Region:
    """Lines one under the other."""
    top = 100.0 + 200 * order
    lines = [
        make_line(text, (100.0, top + 40 * at, 100.0 + 15 * len(text), top + 40 * at + height))
        for at, text in enumerate(texts)
    ]
    return Region(label=label, box=(100.0, top, 900.0, top + 40 * len(texts)), score=0.8, order=order, lines=lines)


def make_page(*regions: Region, number: int = 1, tables: tuple[Table, ...] = (), picture: bytes | None = None) -> Page:
    """Regions are numbered in the given order."""
    ordered = [one.model_copy(update={"order": order}) for order, one in enumerate(regions)]
    return Page(
        number=number, width=1000, height=1400, dpi=150, source="ocr", regions=ordered, tables=list(tables),
        picture=picture,
    )  # fmt: skip


def make_document(*pages: Page) -> Document:
    return Document(page_count=len(pages), pages=list(pages))


def make_table(*rows: tuple[str, ...], region: int = 0) -> Table:
    cells = [
        TableCell(row=row, column=column, text=text, box=BOX)
        for row, texts in enumerate(rows)
        for column, text in enumerate(texts)
        if text
    ]
    return Table(box=BOX, score=0.9, region=region, rows=len(rows), columns=len(rows[0]), html="", cells=cells)
