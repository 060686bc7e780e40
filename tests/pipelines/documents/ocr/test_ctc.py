"""CTC decoding: any path collapses to its text."""

from itertools import groupby

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.documents.ocr.ctc import BLANK, decode_characters

ALPHABET = ("", "a", "b", "c", " ")


def steps(classes: list[int], sure: float = 0.9) -> np.ndarray:
    answers = np.full((len(classes), len(ALPHABET)), (1 - sure) / (len(ALPHABET) - 1), np.float32)
    answers[np.arange(len(classes)), classes] = sure
    return answers


@given(st.lists(st.integers(0, len(ALPHABET) - 1), min_size=1, max_size=40))
def test_repeats_are_one_character_and_blanks_none(classes: list[int]) -> None:
    expected = "".join(ALPHABET[one] for one, _ in groupby(classes) if one != BLANK)

    assert "".join(one.text for one in decode_characters(steps(classes), ALPHABET)) == expected


@given(st.lists(st.integers(0, len(ALPHABET) - 1), min_size=1, max_size=40))
def test_characters_come_from_left_to_right_within_the_line(classes: list[int]) -> None:
    positions = [0.0, *(one.position for one in decode_characters(steps(classes), ALPHABET)), 1.0]

    assert positions == sorted(set(positions))


def test_a_character_has_the_mean_score_and_middle_of_its_steps() -> None:
    answers = np.concatenate([steps([0]), steps([1], 0.8), steps([1], 0.6), steps([0])])
    character = decode_characters(answers, ALPHABET)[0]

    assert character.text == "a"
    assert character.position == 0.5
    assert round(character.score, 4) == 0.7


def test_a_character_has_the_probability_of_a_space_before_it() -> None:
    answers = steps([4, 1, 0, 0, 2, 3, 4])
    answers[2, [0, 4]] = 0.6, 0.3

    assert [round(one.space, 3) for one in decode_characters(answers, ALPHABET)] == [0.9, 0.9, 0.3, 0.025, 0.9]


def test_a_blank_below_one_half_competes_with_other_classes() -> None:
    answers = steps([1, 0, 2])
    answers[1] = 0.4, 0.05, 0.05, 0.45, 0.05

    assert "".join(one.text for one in decode_characters(answers, ALPHABET)) == "acb"


def test_a_character_has_the_highest_score_of_its_steps_as_peak() -> None:
    answers = np.concatenate([steps([1], 0.8), steps([1], 0.6)])

    assert round(decode_characters(answers, ALPHABET)[0].peak, 4) == 0.8


def test_a_character_knows_what_was_perhaps_passed_over_beside_it() -> None:
    answers = steps([1, 0, 2, 0, 0, 3])
    answers[1] = 0.6, 0.05, 0.05, 0.25, 0.05

    assert [round(one.rival, 2) for one in decode_characters(answers, ALPHABET)] == [0.25, 0.25, 0.03]


def test_a_neighbour_that_lasts_is_no_rival() -> None:
    answers = steps([1, 0, 2])
    answers[1] = 0.5, 0.25, 0.23, 0.01, 0.01

    assert [round(one.rival, 2) for one in decode_characters(answers, ALPHABET)] == [0.01, 0.01]
