"""Leaves out a document's furniture: headers and footers that say the same on several pages, and its page numbers.

Whatever differs from page to page stays, and whatever has a digit: it may be an invoice's number, a date or a sum.
A lone number is a page number only where it counts with the pages. What is left out is listed once.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipelines.documents.outputs.line_joining import join_lines
from pipelines.documents.structure.text_patterns import is_page_number
from pipelines.documents.types import Document, Page, Region
from pipelines.linear_patterns import compile_text

_NUMBER = compile_text(r"\d{1,4}")

Place = tuple[int, int]  # number of a page, and order of a region on it


@dataclass(frozen=True, slots=True)
class Furniture:
    """`places` are left out; `pages` says on which pages each repeated text was, `numbers` which page numbers were."""

    places: frozenset[Place] = frozenset()
    pages: dict[str, list[int]] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)

    def select_content(self, page: Page) -> Iterator[Region]:
        """The page's regions without furniture."""
        return (region for region in page.regions if (page.number, region.order) not in self.places)

    def describe(self) -> Iterator[str]:
        """A line for each text that is left out, and one for page numbers."""
        for text, pages in self.pages.items():
            yield f"repeated on {_name_pages(pages)}: {text}"
        if self.numbers:
            yield f"page numbers: {_join_ranges(self.numbers)}"


def find_furniture(document: Document) -> Furniture:
    """A text that repeats is furniture from its second page on; a page that has nothing else keeps it."""
    margins = [
        (page.number, region.order, join_lines(line.text for line in region.lines))
        for page in document.pages
        if not all(region.label in ("header", "footer") for region in page.regions)  # then they are its content
        for region in page.regions
        if region.label in ("header", "footer")
    ]
    numbers = _find_page_numbers(margins)
    places, pages, seen = set(numbers), defaultdict[str, list[int]](list), dict[str, int]()
    for number, order, text in margins:
        may_repeat = bool(text) and not any(map(str.isdigit, text))
        if may_repeat and seen.setdefault(text, number) != number:
            places.add((number, order))
            pages[text].append(number)
    return Furniture(frozenset(places), dict(pages), sorted(numbers.values()))


def _find_page_numbers(margins: list[tuple[int, int, str]]) -> dict[Place, int]:
    """The numbers that stand alone, or as `Page 3 of 9`, and count with the pages, over two pages at least."""
    by_offset: dict[int, dict[Place, int]] = defaultdict(dict)
    for number, order, text in margins:
        is_bare = is_page_number(text) and not any(unicodedata.category(one) == "Sc" for one in text)
        found = _NUMBER.search(text.encode(errors="replace")) if is_bare else None
        if found is not None:
            printed = int(found[0])
            by_offset[printed - number][number, order] = printed
    counted: dict[Place, int] = {}
    for places in by_offset.values():
        if len({number for number, _ in places}) > 1:
            counted |= places
    return counted


def _name_pages(pages: list[int]) -> str:
    return f"page {pages[0]}" if len(set(pages)) == 1 else f"pages {_join_ranges(pages)}"


def _join_ranges(numbers: list[int]) -> str:
    """`2-4, 7` of sorted numbers."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number - ranges[-1][-1] <= 1:
            ranges[-1][-1:] = [number] if len(ranges[-1]) > 1 else [ranges[-1][0], number]
        else:
            ranges.append([number])
    return ", ".join("-".join(str(one) for one in dict.fromkeys(ends)) for ends in ranges)
