"""Gaps between characters, and spaces that the recogniser lost."""

import numpy as np
import pytest

from pipelines.documents.ocr.whitespace import find_blank_runs, find_gaps, find_ink_columns, find_missing_spaces

HEIGHT = 48


@pytest.mark.parametrize(
    ("gap", "probability", "is_space"),
    [
        (20, 0.4, True),
        (8, 0.4, True),
        (3, 0.4, False),  # as between any two letters
        (20, 0.04, True),
        (8, 0.04, False),
        (40, 0.001, False),  # an overlooked letter, or wide lettering
    ],
)
def test_a_gap_is_a_space_if_the_recogniser_saw_one_possible(gap: int, probability: float, is_space: bool) -> None:
    widths, probabilities = np.array([3, gap, 3]), np.array([0.0, probability, 0.0])

    assert find_missing_spaces("nofn", widths, probabilities, HEIGHT) == [1][:is_space]


def test_ideographs_have_no_spaces_between_them() -> None:
    assert find_missing_spaces("日本go", np.array([20, 20, 20]), np.full(3, 0.4), HEIGHT) == [2]


def test_an_underscore_joins_its_neighbours() -> None:
    assert find_missing_spaces("a_b", np.array([20, 20]), np.full(2, 0.4), HEIGHT) == []


def test_one_character_has_no_gaps() -> None:
    assert find_missing_spaces("a", np.zeros(0, np.int64), np.zeros(0), HEIGHT) == []


@pytest.mark.parametrize("paper", [0, 255])
def test_ink_is_what_differs_from_the_paper(paper: int) -> None:
    crop = np.full((HEIGHT, 60, 3), paper, np.uint8)
    crop[15:35, 10:20] = crop[15:35, 40:50] = 255 - paper

    assert find_blank_runs(find_ink_columns(crop)).tolist() == [[0, 10], [20, 40], [50, 60]]


def test_single_pixels_and_neighbouring_lines_are_no_ink() -> None:
    crop = np.full((HEIGHT, 60, 3), 255, np.uint8)
    crop[15:35, 10:20] = crop[20, 30] = crop[:3, 40:50] = 0

    assert find_blank_runs(find_ink_columns(crop)).tolist() == [[0, 10], [20, 60]]


def test_the_widest_blank_run_is_the_gap() -> None:
    ink = np.array([char == "#" for char in "###..##.....###"])

    assert find_gaps(ink, [1, 6, 13]).tolist() == [[3, 5], [7, 12]]


def test_a_gap_without_ink_is_whole_and_without_white_empty() -> None:
    columns = [1.0, 6.0]

    assert find_gaps(np.zeros(8, np.bool_), columns).tolist() == [[1, 6]]
    assert find_gaps(np.ones(8, np.bool_), columns).tolist() == [[4, 4]]
