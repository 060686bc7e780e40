"""Wide lines in slices: cut between words, and joined again."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.documents.ocr.ctc import Character
from pipelines.documents.ocr.line_splitting import join_slices, slice_line

WIDEST = 320


def draw_bars(words: list[int], gap: int = 16) -> np.ndarray:
    """A crop with a bar for each word, `words` columns wide."""
    bars = [np.pad(np.zeros((12, width), np.uint8), ((18, 18), (0, gap)), constant_values=255) for width in words]
    return np.repeat(np.concatenate(bars, axis=1)[:, :, None], 3, axis=2)


@given(st.lists(st.integers(5, 90), min_size=1, max_size=40))
def test_slices_make_up_the_line_and_none_is_too_wide(words: list[int]) -> None:
    crop = draw_bars(words)
    slices = slice_line(0, crop, widest=WIDEST)
    whole = np.concatenate([one.pixels for one in slices], axis=1)

    assert np.array_equal(whole, crop)
    assert max(one.pixels.shape[1] for one in slices) <= WIDEST


@given(st.lists(st.integers(5, 60), min_size=10, max_size=40))
def test_a_line_of_words_is_cut_between_them(words: list[int]) -> None:
    slices = slice_line(0, draw_bars(words), widest=WIDEST)

    assert all(one.after_space and one.pixels[24, 0, 0] == 255 for one in slices[1:])


@given(st.integers(1, 3000))
def test_a_line_without_gaps_is_cut_anyway(width: int) -> None:
    slices = slice_line(0, draw_bars([width], gap=0), widest=WIDEST)

    assert max(one.pixels.shape[1] for one in slices) <= WIDEST
    assert not any(one.after_space for one in slices)


def test_characters_keep_their_positions_with_a_space_between_slices() -> None:
    first, second = slice_line(0, draw_bars([180, 180]), widest=WIDEST)
    text = join_slices([(first, [Character("a", 90.0, 0.9)]), (second, [Character("b", 90.0, 0.9)])])

    assert [(one.text, one.position) for one in text] == [("a", 90.0), (" ", 188.0), ("b", 278.0)]
