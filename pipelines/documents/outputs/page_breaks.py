"""Rejoins words that are broken over a page's end, for outputs that join lines."""

from collections.abc import Sequence

from pipelines.documents.outputs.hyphenation import HYPHENS, WordForms, join_at_hyphen
from pipelines.documents.types import Document, DocumentLine, Page, Region

_FLOWING = ("text", "list", "reference", "title")
_APART = ("header", "footer", "footnote")


def mend_page_breaks(document: Document, forms: WordForms) -> Document:
    """The document with the rest of each broken word moved to the page on which it begins."""
    pages = list(document.pages)
    for at in range(len(pages) - 1):
        if pages[at + 1].number == pages[at].number + 1:
            pages[at], pages[at + 1] = _mend(pages[at], pages[at + 1], forms)
    return document.model_copy(update={"pages": pages})


def _mend(page: Page, following: Page, forms: WordForms) -> tuple[Page, Page]:
    last = _find_flowing(page.regions[::-1])
    first = _find_flowing(following.regions)
    if last is None or first is None:
        return page, following
    before, after = last.lines[-1].text.rstrip(), first.lines[0].text.lstrip()
    if before[-1:] not in tuple(HYPHENS) or len(before) < 3 or not before[-2].isalnum() or not after[:1].islower():
        return page, following
    rest, _, others = after.partition(" ")
    mended = [*last.lines[:-1], _write_line(last.lines[-1], join_at_hyphen(before, rest, forms))]
    kept = [_write_line(first.lines[0], others), *first.lines[1:]] if others else first.lines[1:]
    return _replace_lines(page, last, mended), _replace_lines(following, first, kept)


def _find_flowing(regions: Sequence[Region]) -> Region | None:
    """The first region of the flow of text; None if it is a table or figure, or has no lines."""
    for region in regions:
        if region.label not in _APART:
            return region if region.label in _FLOWING and region.lines else None
    return None


def _write_line(line: DocumentLine, text: str) -> DocumentLine:
    return line.model_copy(update={"text": text})


def _replace_lines(page: Page, region: Region, lines: Sequence[DocumentLine]) -> Page:
    replaced = region.model_copy(update={"lines": list(lines)})
    return page.model_copy(update={"regions": [replaced if one is region else one for one in page.regions]})
