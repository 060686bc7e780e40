"""The selection of pages."""

from itertools import product
from typing import Any

import pytest
import re2
from pydantic import ValidationError

from pipelines.documents.errors import TooManyPages
from pipelines.documents.options import DocumentsOptions
from pipelines.documents.page_ranges import PAGES_PATTERN, parse_page_ranges, select_pages
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
        ("2-4,1-5,3", [1, 2, 3, 4, 5]),
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


def test_a_range_of_a_huge_document_is_an_interval() -> None:
    """As a list these pages would fill the memory of any machine."""
    with pytest.raises(TooManyPages, match=f"{10**15:,}"):
        select_pages(",".join(["1-"] * 300), 10**15, limit=10)


@pytest.mark.parametrize("selection", ["", "one", "1;2", "1--2", "1,,2", "-", "1.5", "1" * 7, "1-2-3", "1\n", "²"])
def test_anything_but_ranges_is_refused(selection: str) -> None:
    with pytest.raises(ValidationError, match='say which as "1-3,7", "5-" or "-2"'):
        DocumentsOptions(pages=selection)


@pytest.mark.parametrize("length", range(1, 7))
def test_the_documented_pattern_and_the_parser_accept_the_same(length: int) -> None:
    pattern = re2.compile(PAGES_PATTERN)
    texts = ["".join(letters) for letters in product("1 -,", repeat=length)]

    assert [text for text in texts if pattern.fullmatch(text)] == [text for text in texts if is_accepted(text)]


def test_the_schema_documents_the_pattern() -> None:
    pages: Any = DocumentsOptions.model_json_schema()["properties"]["pages"]

    assert pages["anyOf"][0]["pattern"] == PAGES_PATTERN


def is_accepted(selection: str) -> bool:
    try:
        parse_page_ranges(selection)
    except ValueError:
        return False
    return True
