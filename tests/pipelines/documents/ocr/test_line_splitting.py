"""Wide lines in pieces: cut between words, and whole again."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.documents.ocr.ctc import Character
from pipelines.documents.ocr.line_splitting import joined, pieces

WIDEST = 320


def line_of(words: list[int], gap: int = 16) -> np.ndarray:
    """A crop with a bar for each word, as wide as told."""
    bars = [np.pad(np.zeros((12, width), np.uint8), ((18, 18), (0, gap)), constant_values=255) for width in words]
    return np.repeat(np.concatenate(bars, axis=1)[:, :, None], 3, axis=2)


@given(st.lists(st.integers(5, 90), min_size=1, max_size=40))
def test_pieces_make_up_the_line_and_none_is_too_wide(words: list[int]) -> None:
    crop = line_of(words)
    cuts = pieces(0, crop, widest=WIDEST)
    whole = np.concatenate([one.pixels for one in cuts], axis=1)

    assert (np.array_equal(whole, crop), max(one.pixels.shape[1] for one in cuts) <= WIDEST) == (True, True)


@given(st.lists(st.integers(5, 60), min_size=10, max_size=40))
def test_a_line_of_words_is_cut_between_them(words: list[int]) -> None:
    cuts = pieces(0, line_of(words), widest=WIDEST)

    assert all(one.after_space and one.pixels[24, 0, 0] == 255 for one in cuts[1:])


@given(st.integers(1, 3000))
def test_a_line_without_gaps_is_cut_all_the_same(width: int) -> None:
    cuts = pieces(0, line_of([width], gap=0), widest=WIDEST)

    assert (max(one.pixels.shape[1] for one in cuts) <= WIDEST, any(one.after_space for one in cuts)) == (True, False)


def test_characters_are_joined_where_they_stand_with_a_space_between_words() -> None:
    first, second = pieces(0, line_of([180, 180]), widest=WIDEST)
    text = joined([(first, [Character("a", 90.0, 0.9)]), (second, [Character("b", 90.0, 0.9)])])

    assert [(one.text, one.position) for one in text] == [("a", 90.0), (" ", 188.0), ("b", 278.0)]
