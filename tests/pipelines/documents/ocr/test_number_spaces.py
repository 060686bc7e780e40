"""Spaces in numbers, judged by the gaps of their line; a space in `line` is where the recogniser gave one."""

from itertools import pairwise

import numpy as np
import pytest

from pipelines.documents.ocr.number_spaces import find_doubtful_spaces, find_false_spaces

HEIGHT = 48
USUAL = 12  # columns between words


def lay_out(line: str, gap: int) -> tuple[list[str], list[bool], np.ndarray, int]:
    """Characters, ends of words and gaps: USUAL between words, and `gap` at spaces between digits or behind a comma."""
    text = [one for one in line if one != " "]
    ends = [line[at + 1 : at + 2] == " " for at, one in enumerate(line) if one != " "]
    is_number = [left in ",.0123456789" and right.isdigit() for left, right in pairwise(text)]
    widths = [(gap if number else USUAL) if end else 4 for end, number in zip(ends, is_number, strict=False)]
    return text, ends, np.array(widths), HEIGHT


@pytest.mark.parametrize(("line", "place"), [("sum 38, 100.71", 5), ("sum 1, 111", 4), ("sum 16. 111,71", 5)])
def test_a_narrow_gap_behind_a_comma_is_within_the_number(line: str, place: int) -> None:
    assert find_false_spaces(*lay_out(line, 8)) == [place]


@pytest.mark.parametrize(
    ("line", "gap"),
    [("rooms 5, 117", USUAL), ("on 3. 11. 2025", 8), ("rooms 12, 14", 8), ("rooms 1234, 117", 8), ("year 1, 2025", 8)],
)
def test_lists_and_dates_keep_their_spaces(line: str, gap: int) -> None:
    assert find_false_spaces(*lay_out(line, gap)) == []


@pytest.mark.parametrize(
    ("line", "gap", "expected"),
    [
        ("sum 38, 100", 12, 1),
        ("sum 38, 100", 16, 0),
        ("meter 58 153450", 7, 1),
        ("meter 58 153450", USUAL, 0),
        ("in two words", USUAL, 0),
    ],
)
def test_a_space_that_may_cut_a_number_is_doubtful(line: str, gap: int, expected: int) -> None:
    assert len(find_doubtful_spaces(*lay_out(line, gap))) == expected


def test_a_line_of_one_number_is_judged_by_its_height() -> None:
    assert len(find_false_spaces(*lay_out("38, 100", 8))) == 1
