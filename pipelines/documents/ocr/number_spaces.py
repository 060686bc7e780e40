"""Judges spaces in numbers: the recogniser learnt that one follows a comma, and gives 38, 100 for 38,100."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SEPARATORS = ",."
GROUP = 3  # digits between separators
# Shares of the line's usual gap between words. Behind a comma within a number a gap is narrower than that, and in a
# list of numbers as wide: in between, nobody can tell. Between two digits, it should be as wide as others.
MAX_FALSE, MIN_LIST, MIN_DIGITS = 0.85, 1.15, 0.85
USUAL_GAP = 0.25  # line heights, where the line has no other gap between words


def find_false_spaces(
    text: Sequence[str], ends_word: Sequence[bool], widths: NDArray[np.int64], height: int
) -> list[int]:
    """Indices of the separators behind which no word ends, though `ends_word` says so.

    `widths` are those of the gaps between the characters of `text`.
    """
    usual = _find_usual_gap(text, ends_word, widths, height)
    return [at for at in _list_grouped(text, ends_word) if widths[at] < MAX_FALSE * usual]


def find_doubtful_spaces(
    text: Sequence[str], ends_word: Sequence[bool], widths: NDArray[np.int64], height: int
) -> list[int]:
    """Indices of the characters behind which a word ends that may go on: a number is then cut in two."""
    usual = _find_usual_gap(text, ends_word, widths, height)
    grouped = [at for at in _list_grouped(text, ends_word) if widths[at] < MIN_LIST * usual]
    digits = [at for at in range(len(text) - 1) if ends_word[at] and text[at].isdigit() and text[at + 1].isdigit()]
    return grouped + [at for at in digits if widths[at] < MIN_DIGITS * usual]


def _find_usual_gap(text: Sequence[str], ends_word: Sequence[bool], widths: NDArray[np.int64], height: int) -> float:
    between_words = [
        int(widths[at])
        for at in range(len(text) - 1)
        if ends_word[at] and not text[at + 1].isdigit() and text[at] not in SEPARATORS
    ]
    return float(np.median(between_words)) if between_words else USUAL_GAP * height


def _list_grouped(text: Sequence[str], ends_word: Sequence[bool]) -> list[int]:
    """Separators behind which a word ends, with one to three digits before and exactly three behind them."""
    return [at for at in range(len(text) - GROUP) if ends_word[at] and _is_grouped(text, ends_word, at)]


def _is_grouped(text: Sequence[str], ends_word: Sequence[bool], at: int) -> bool:
    if text[at] not in SEPARATORS:
        return False
    before = 0
    while before < at and text[at - 1 - before].isdigit() and not ends_word[at - 1 - before]:
        before += 1
    end = at + 1 + GROUP
    is_group = all(one.isdigit() for one in text[at + 1 : end]) and not any(ends_word[at + 1 : end - 1])
    is_longer = end < len(text) and text[end].isdigit() and not ends_word[end - 1]
    return 1 <= before <= GROUP and is_group and not is_longer
