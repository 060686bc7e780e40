"""Characters from steps: whatever the path, its collapse is read."""

from itertools import groupby

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.documents.ocr.ctc import BLANK, decode

ALPHABET = ("", "a", "b", "c", " ")


def steps(classes: list[int], sure: float = 0.9) -> np.ndarray:
    answers = np.full((len(classes), len(ALPHABET)), (1 - sure) / (len(ALPHABET) - 1), np.float32)
    answers[np.arange(len(classes)), classes] = sure
    return answers


@given(st.lists(st.integers(0, len(ALPHABET) - 1), min_size=1, max_size=40))
def test_repeats_are_one_character_and_blanks_are_none(classes: list[int]) -> None:
    wanted = "".join(ALPHABET[one] for one, _ in groupby(classes) if one != BLANK)

    assert "".join(one.text for one in decode(steps(classes), ALPHABET)) == wanted


@given(st.lists(st.integers(0, len(ALPHABET) - 1), min_size=1, max_size=40))
def test_characters_come_from_left_to_right_within_the_line(classes: list[int]) -> None:
    positions = [0.0, *(one.position for one in decode(steps(classes), ALPHABET)), 1.0]

    assert positions == sorted(set(positions))


def test_a_character_has_the_mean_score_and_the_middle_of_its_steps() -> None:
    answers = np.concatenate([steps([0]), steps([1], 0.8), steps([1], 0.6), steps([0])])
    character = decode(answers, ALPHABET)[0]

    assert (character.text, character.position, round(character.score, 4)) == ("a", 0.5, 0.7)


def test_a_character_knows_how_likely_a_space_before_it_was() -> None:
    answers = steps([4, 1, 0, 0, 2, 3, 4])
    answers[2, [0, 4]] = 0.6, 0.3

    assert [round(one.space, 3) for one in decode(answers, ALPHABET)] == [0.9, 0.9, 0.3, 0.025, 0.9]


def test_a_blank_of_less_than_half_is_weighed_against_the_other_classes() -> None:
    answers = steps([1, 0, 2])
    answers[1] = 0.4, 0.05, 0.05, 0.45, 0.05

    assert "".join(one.text for one in decode(answers, ALPHABET)) == "acb"
