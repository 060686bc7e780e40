"""Spaces that the recogniser left out, by what stands between the characters."""

import numpy as np
import pytest

from pipelines.documents.ocr.gaps import between, blank_runs, inked, missing_spaces

HEIGHT = 48
USUAL, WORD = 3, 18  # columns between letters, and between words


def repaired(text: str) -> str:
    """`text` as read with | where the line has a gap without a space."""
    shown = [one for one in text if one not in "| "]
    widths, seen = [], []
    for index, one in enumerate(text[:-1]):
        if one not in "| ":
            is_gap = text[index + 1] in "| "
            widths.append(WORD if is_gap else USUAL)
            seen.append(text[index + 1] == " ")
    spaces = set(missing_spaces(shown, np.array(widths), np.array(seen), HEIGHT)) | {i for i, s in enumerate(seen) if s}
    return "".join(one + " " * (index in spaces) for index, one in enumerate(shown))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Blue|Mountain coffee", "Blue Mountain coffee"),
        ("Tel:|0378", "Tel: 0378"),
        ("Total|RM12.40", "Total RM12.40"),
        ("RM 12.|40", "RM 12.40"),
        ("1|2:|3|0", "12:30"),
        ("2018|-05", "2018-05"),
        ("日|本 語", "日本 語"),
        ("word", "word"),
        ("a", "a"),
    ],
)
def test_a_wide_gap_is_a_space_unless_in_a_number_or_between_ideographs(text: str, wanted: str) -> None:
    assert repaired(text) == wanted


def test_a_line_set_wide_throughout_is_no_row_of_words() -> None:
    assert missing_spaces("TITLE", np.full(4, WORD), np.zeros(4, bool), HEIGHT) == []


@pytest.mark.parametrize("paper", [0, 255])
def test_ink_is_what_differs_from_the_paper(paper: int) -> None:
    crop = np.full((HEIGHT, 60, 3), paper, np.uint8)
    crop[15:35, 10:20] = crop[15:35, 40:50] = 255 - paper

    assert blank_runs(inked(crop)).tolist() == [[0, 10], [20, 40], [50, 60]]


def test_dirt_of_one_pixel_and_the_neighbouring_lines_are_no_ink() -> None:
    crop = np.full((HEIGHT, 60, 3), 255, np.uint8)
    crop[15:35, 10:20] = crop[20, 30] = crop[:3, 40:50] = 0

    assert blank_runs(inked(crop)).tolist() == [[0, 10], [20, 60]]


def test_between_two_characters_lies_the_widest_blank_run() -> None:
    ink = np.array([char == "#" for char in "###..##.....###"])

    assert between(ink, [1, 6, 13]).tolist() == [[3, 5], [7, 12]]
