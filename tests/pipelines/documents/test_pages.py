"""Ranges of pages."""

import re

import pytest

from pipelines.documents.errors import TooManyPages
from pipelines.documents.options import PATTERN, chosen_pages
from pipelines.errors import RequestRejected


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        (None, [1, 2, 3, 4, 5]),
        ("2", [2]),
        ("1-3", [1, 2, 3]),
        ("4-", [4, 5]),
        ("-2", [1, 2]),
        ("4-90", [4, 5]),  # the first pages of any document can be asked for
        (" 5, 1 - 2 ,2", [1, 2, 5]),
    ],
)
def test_pages_are_numbers_and_ranges(asked: str | None, numbers: list[int]) -> None:
    assert chosen_pages(asked, 5, limit=10) == numbers


@pytest.mark.parametrize("asked", ["0", "6", "3-2", "7-9", "1,6"])
def test_a_page_that_is_not_there_is_refused(asked: str) -> None:
    with pytest.raises(RequestRejected, match="in a document of 5 pages"):
        chosen_pages(asked, 5, limit=10)


@pytest.mark.parametrize("asked", [None, "1-3", "1,3,5"])
def test_more_pages_than_one_request_may_have_are_refused(asked: str | None) -> None:
    with pytest.raises(TooManyPages, match="the limit is 2: choose some with 'pages'"):
        chosen_pages(asked, 5, limit=2)


@pytest.mark.parametrize("asked", ["", "one", "1;2", "1--2", "1,,2", "-", "1.5", "1" * 7, "1-2-3"])
def test_what_is_no_range_does_not_match(asked: str) -> None:
    assert re.match(PATTERN, asked) is None
