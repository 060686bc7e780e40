"""Parses a selection of pages such as "1-3,7" in one pass, and picks those of a document.

Ranges stay intervals until they are cut to the document: "1-999999" costs no more than "1".
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.documents.errors import TooManyPages
from pipelines.errors import RequestRejected

# For OpenAPI only, and so that validators elsewhere do not hang on it: each character can match in one way.
_RANGE = r"(\d{1,6} *(- *(\d{1,6} *)?)?|- *\d{1,6} *)"
PAGES_PATTERN = rf"^ *{_RANGE}(, *{_RANGE})*$"

_MAX_DIGITS = 6


@dataclass(frozen=True, slots=True)
class PageRange:
    """Pages from `first` to `last`, both included; `last` is None where the range ends with the document.

    `text` is the range as it was given, without spaces around it.
    """

    first: int
    last: int | None
    text: str


def parse_page_ranges(selection: str) -> list[PageRange]:
    """Raises ValueError unless `selection` is a comma-separated list of "3", "1-3", "5-" and "-2"."""
    return [_parse_range(part.strip(" ")) for part in selection.split(",")]


def select_pages(selection: str | None, count: int, *, limit: int) -> list[int]:
    """Page numbers from 1, each once, ascending; a range may end beyond `count`. None selects every page.

    Raises RequestRejected for a page that the document does not have, and TooManyPages.
    """
    ranges = [] if selection is None else parse_page_ranges(selection)
    intervals = [range(1, count + 1)] if selection is None else [_cut(one, count) for one in ranges]
    chosen = list(_merge(intervals))
    total = sum(map(len, chosen))
    if total > limit:
        raise TooManyPages(total, limit)
    return [number for interval in chosen for number in interval]


def _parse_range(part: str) -> PageRange:
    first, dash, last = (text.strip(" ") for text in part.partition("-"))
    if not all(_is_number(text) for text in (first, last) if text) or not (first or last):
        raise ValueError('say which as "1-3,7", "5-" or "-2"')
    begin = int(first or 1)
    end = begin if not dash else int(last) if last else None
    return PageRange(begin, end, part)


def _is_number(text: str) -> bool:
    return len(text) <= _MAX_DIGITS and text.isdecimal()


def _cut(given: PageRange, count: int) -> range:
    """The pages of the range that the document has."""
    last = count if given.last is None else given.last
    if not 1 <= given.first <= count or last < given.first:
        raise RequestRejected(f"pages: there is no {given.text!r} in a document of {count} page{'s'[: count != 1]}")
    return range(given.first, min(last, count) + 1)


def _merge(intervals: list[range]) -> Iterator[range]:
    """Disjoint ranges with the same numbers, ascending."""
    end = 0  # after the last number so far
    for one in sorted(intervals, key=lambda interval: interval.start):
        if one.stop > end:
            yield range(max(one.start, end), one.stop)
            end = one.stop
