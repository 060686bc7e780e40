"""Ink that no character accounts for, and pages whose script the alphabet does not cover."""

from collections.abc import Sequence

import numpy as np

from pipelines.documents.ocr.ctc import Character
from pipelines.documents.ocr.ink_coverage import InkCoverage, LineInk, count_foreign_lines

HEIGHT = 48


def draw_glyphs(count: int, *, width: int = 18, pitch: int = 24) -> np.ndarray:
    """Columns of a line with glyphs of `width`, each `pitch` columns behind the last."""
    ink = np.zeros(count * pitch, np.bool_)
    for at in range(count):
        ink[at * pitch : at * pitch + width] = True
    return ink


def read(ink: np.ndarray, text: str, places: Sequence[int], score: float = 0.99, pitch: int = 24) -> LineInk:
    """Characters in the middle of the glyphs with these numbers."""
    characters = [
        Character(one, (place * pitch + 9) / len(ink), score) for one, place in zip(text, places, strict=True)
    ]
    return LineInk.of(ink, characters, HEIGHT)


def cover(read_glyphs: int, glyphs: int, score: float = 0.99) -> InkCoverage:
    """A line of `glyphs`, of which the first few were read."""
    characters = [Character("a", (at * 24 + 9) / (glyphs * 24), score) for at in range(read_glyphs)]
    return InkCoverage.of(LineInk.of(draw_glyphs(glyphs), characters, HEIGHT), characters)


def test_a_glyph_without_a_character_is_unread() -> None:
    line = read(draw_glyphs(4), "abd", [0, 1, 3])

    assert line.unread.tolist() == [[48, 66]]


def test_thin_strokes_need_no_character() -> None:
    assert len(read(draw_glyphs(4, width=6), "ab", [0, 3]).unread) == 0


def test_the_parts_of_an_ideograph_belong_to_it() -> None:
    ink = draw_glyphs(2)
    character = [Character("川", 0.5, 0.99)]

    assert len(LineInk.of(ink, character, HEIGHT).unread) == 0
    assert len(LineInk.of(ink, [Character("a", 0.02, 0.99)], HEIGHT).unread) == 1


def test_unread_ink_is_measured_word_by_word() -> None:
    line = read(draw_glyphs(6), "abde", [0, 1, 4, 5])

    assert line.measure_unread([71.0]).tolist() == [18.0, 18.0]


def test_a_page_of_which_all_letters_are_read_is_covered() -> None:
    assert count_foreign_lines([cover(20, 20)] * 5) == 0


def test_a_page_that_lacks_every_tenth_letter_is_foreign() -> None:
    assert count_foreign_lines([cover(18, 20)] * 5) == 5


def test_a_page_read_at_low_scores_throughout_is_foreign() -> None:
    assert count_foreign_lines([cover(20, 20, score=0.6)] * 5) == 5


def test_two_lost_lines_among_many_are_named() -> None:
    assert count_foreign_lines([cover(20, 20)] * 20 + [cover(1, 12)] * 2) == 2


def test_a_graphic_taken_for_a_line_is_no_script() -> None:
    assert count_foreign_lines([cover(20, 20)] * 5 + [cover(0, 9)]) == 0


def test_bars_of_a_chart_are_no_script() -> None:
    assert count_foreign_lines([cover(3, 3)] * 10 + [cover(0, 2)] * 9) == 0


def test_a_page_without_lines_is_covered() -> None:
    assert count_foreign_lines([]) == 0
