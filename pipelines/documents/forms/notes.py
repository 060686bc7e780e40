"""Comments on a PDF page: they are no part of its text, but people read them."""

from collections.abc import Sequence

from pipelines.documents.pdf.page_annotations import PdfAnnotation
from pipelines.documents.types import DocumentLine, PageNote, Region


def list_notes(annotations: Sequence[PdfAnnotation]) -> list[PageNote]:
    return [PageNote(author=one.label, text=one.value, box=one.box) for one in annotations if one.kind == "note"]


def quote_notes(notes: Sequence[PageNote], order: int) -> list[Region]:
    """A region for each note, after the `order` regions of the page."""
    return [_quote_note(note, order + number) for number, note in enumerate(notes)]


def _quote_note(note: PageNote, order: int) -> Region:
    head = f"Comment by {note.author}: " if note.author.strip() else "Comment: "
    rows = [" ".join(row.split()) for row in note.text.splitlines() if row.strip()]
    texts = [head + (rows[0] if rows else ""), *rows[1:]]
    lines = [DocumentLine(text=text, box=note.box, score=1.0, words=[]) for text in texts]
    return Region(label="text", box=note.box, score=1.0, order=order, lines=lines)
