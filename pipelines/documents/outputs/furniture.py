"""Leaves out a document's furniture: page numbers, and headers and footers that repeat from page to page."""

from collections.abc import Iterator

from pipelines.documents.outputs.line_joining import join_lines
from pipelines.documents.types import Page, Region
from pipelines.linear_patterns import compile_text, text_is

_DIGITS = compile_text(r"\d+")
_is_page_number = text_is(r"(?:\W|0|page)*", ignore_case=True)


def select_content(page: Page, seen: set[str]) -> Iterator[Region]:
    """The page's regions without furniture; `seen` are the headers and footers of the document's pages before."""
    is_bare = all(region.label in ("header", "footer") for region in page.regions)  # then they are its content
    for region in page.regions:
        is_furniture = region.label in ("header", "footer") and _is_furniture(region, seen)
        if is_bare or not is_furniture:
            yield region


def _is_furniture(region: Region, seen: set[str]) -> bool:
    """Whether a header or footer is only a page number, or repeats one in `seen`, whatever the numbers in it."""
    shape = _DIGITS.sub("0", join_lines(line.text for line in region.lines))
    repeats = shape in seen or _is_page_number(shape)
    seen.add(shape)
    return repeats
