"""The selection of pages."""

import re

import pytest

from pipelines.documents.errors import TooManyPages
from pipelines.documents.options import PAGES_PATTERN, select_pages
from pipelines.errors import RequestRejected


@pytest.mark.parametrize(
    ("selection", "numbers"),
    [
        (None, [1, 2, 3, 4, 5]),
        ("2", [2]),
        ("1-3", [1, 2, 3]),
        ("4-", [4, 5]),
        ("-2", [1, 2]),
        ("4-90", [4, 5]),  # a range may end beyond the document
        (" 5, 1 - 2 ,2", [1, 2, 5]),
    ],
)
def test_a_selection_has_numbers_and_ranges(selection: str | None, numbers: list[int]) -> None:
    assert select_pages(selection, 5, limit=10) == numbers


@pytest.mark.parametrize("selection", ["0", "6", "3-2", "7-9", "1,6"])
def test_a_page_beyond_the_document_is_refused(selection: str) -> None:
    with pytest.raises(RequestRejected, match="in a document of 5 pages"):
        select_pages(selection, 5, limit=10)


@pytest.mark.parametrize("selection", [None, "1-3", "1,3,5"])
def test_more_pages_than_the_limit_are_refused(selection: str | None) -> None:
    with pytest.raises(TooManyPages, match="the limit is 2: choose some with 'pages'"):
        select_pages(selection, 5, limit=2)


@pytest.mark.parametrize("selection", ["", "one", "1;2", "1--2", "1,,2", "-", "1.5", "1" * 7, "1-2-3"])
def test_the_pattern_rejects_anything_but_ranges(selection: str) -> None:
    assert re.match(PAGES_PATTERN, selection) is None
