"""Spaces that the recogniser left out, by what stands between the characters."""

import numpy as np
import pytest

from pipelines.documents.ocr.whitespace import between, blank_runs, inked, missing_spaces

HEIGHT = 48


@pytest.mark.parametrize(
    ("gap", "probability", "is_space"),
    [
        (20, 0.4, True),
        (8, 0.4, True),
        (3, 0.4, False),  # as between any two letters
        (20, 0.04, True),
        (8, 0.04, False),
        (40, 0.001, False),  # a letter that was overlooked, or wide lettering
    ],
)
def test_a_gap_is_a_space_where_the_recogniser_thought_of_one(gap: int, probability: float, is_space: bool) -> None:
    widths, likely = np.array([3, gap, 3]), np.array([0.0, probability, 0.0])

    assert missing_spaces("nofn", widths, likely, HEIGHT) == [1][:is_space]


def test_ideographs_have_no_spaces_between_them() -> None:
    assert missing_spaces("日本go", np.array([20, 20, 20]), np.full(3, 0.4), HEIGHT) == [2]


def test_an_underscore_joins_what_stands_beside_it() -> None:
    assert missing_spaces("a_b", np.array([20, 20]), np.full(2, 0.4), HEIGHT) == []


def test_one_character_has_no_gaps() -> None:
    assert missing_spaces("a", np.zeros(0, np.int64), np.zeros(0), HEIGHT) == []


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


def test_without_ink_the_gap_is_all_between_two_characters_and_without_white_it_is_empty() -> None:
    columns = [1.0, 6.0]

    assert (between(np.zeros(8, np.bool_), columns).tolist(), between(np.ones(8, np.bool_), columns).tolist()) == (
        [[1, 6]],
        [[4, 4]],
    )
