"""Logical order of text in Hebrew, Arabic and other scripts that are written from right to left.

PDFium gives the characters of such a word in logical order, unless the file painted them so: then they come reversed.
The letters that one glyph stands for mostly come reversed. Lines are put in order by the rules of Unicode's
bidirectional algorithm (UAX #9) that matter for whole words: within a line whose base direction is right to left,
words of Latin script, and numbers behind them, keep their own order.
"""

import unicodedata
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pipelines.boxes import horizontal_overlap
from pipelines.documents.pdf.page_characters import Floats

Item = TypeVar("Item")

_RANGES = ((0x590, 0x65F), (0x66D, 0x6EF), (0x6FA, 0x8FF), (0xFB1D, 0xFDFF), (0xFE70, 0xFEFE), (0x10800, 0x10FFF),
           (0x1E800, 0x1EFFF))  # fmt: skip
_LAM, _ALEFS = 0x644, frozenset((0x622, 0x623, 0x625, 0x627, 0x671))


def find_right_to_left(codes: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which characters are letters or marks of a script from right to left; its digits are not."""
    found = np.zeros(len(codes), np.bool_)
    for first, last in _RANGES:
        found |= (codes >= first) & (codes <= last)
    return found


def is_right_to_left(text: str) -> bool:
    """Whether its first letter is of such a script."""
    if text.isascii():
        return False
    for character in text:
        direction = unicodedata.bidirectional(character)
        if direction in ("R", "AL"):
            return True
        if direction == "L":
            return False
    return False


def order_characters(
    rows: Sequence[int], codes: NDArray[np.uint32], boxes: Floats, from_right: NDArray[np.bool_]
) -> list[int]:
    """The characters of one word with letters from right to left, in logical order."""
    groups: list[list[int]] = []
    for row in rows:
        if groups and from_right[row] and (boxes[row] == boxes[groups[-1][-1]]).all():
            groups[-1].append(row)
        else:
            groups.append([row])
    letters = [float(boxes[group[0], [0, 2]].mean()) for group in groups if from_right[group[0]]]
    if sum(np.diff(letters) > 0) > len(letters) / 2:
        groups = _turn_runs(groups[::-1], [not from_right[group[0]] for group in groups[::-1]])
    ordered = [row for group in groups for row in _order_ligature(group, codes)]
    return _move_marks(ordered, codes, boxes)


def _order_ligature(group: list[int], codes: NDArray[np.uint32]) -> list[int]:
    """The letters of one glyph: reversed, as PDFium does, but for lam and alef, whose order is known."""
    is_lam_first = len(group) == 2 and codes[group[0]] == _LAM and codes[group[1]] in _ALEFS
    return group if is_lam_first else group[::-1]


def _move_marks(rows: list[int], codes: NDArray[np.uint32], boxes: Floats) -> list[int]:
    """Each vowel mark behind the letter that it stands over: files that paint it first give it too early."""
    for at in range(len(rows) - 1):
        mark, letter = rows[at], rows[at + 1]
        if unicodedata.combining(chr(codes[mark])) and not unicodedata.combining(chr(codes[letter])):
            behind = horizontal_overlap(boxes[mark].tolist(), boxes[letter].tolist())
            if at == 0 or behind > horizontal_overlap(boxes[mark].tolist(), boxes[rows[at - 1]].tolist()):
                rows[at], rows[at + 1] = letter, mark
    return rows


def order_words(words: Sequence[Item], read_text: Callable[[Item], str]) -> list[Item]:
    """Words that stand from left to right, in the order in which they are read."""
    texts = [read_text(word) for word in words]
    directions = [_direction(text) for text in texts]
    from_right, from_left = directions.count("R"), directions.count("L")
    if not from_right:
        return list(words)
    if from_right >= from_left:
        return _turn_runs(words[::-1], _follow_latin(directions)[::-1])
    return _turn_runs(words, _lie_among(directions, "R"))


def normalise(text: str) -> str:
    """NFC, and the letters instead of Arabic and Hebrew presentation forms."""
    plain = "".join(unicodedata.normalize("NFKC", one) if _is_presentation_form(one) else one for one in text)
    return unicodedata.normalize("NFC", plain)


def _is_presentation_form(character: str) -> bool:
    return "\ufb1d" <= character <= "\ufdff" or "\ufe70" <= character <= "\ufefc"


def _direction(text: str) -> str:
    """R or L by its first letter; N for numbers and signs."""
    for character in text:
        direction = unicodedata.bidirectional(character)
        if direction in ("R", "AL"):
            return "R"
        if direction == "L":
            return "L"
    return "N"


def _follow_latin(directions: Sequence[str]) -> list[bool]:
    """Which words keep their order from left to right: Latin ones, and numbers that follow them."""
    kept: list[bool] = []
    for direction in directions:
        kept.append(direction == "L" or (direction == "N" and bool(kept) and kept[-1]))
    return kept


def _lie_among(directions: Sequence[str], direction: str) -> list[bool]:
    """Which words have this direction, or are numbers and signs between two that have it."""
    found = [one == direction for one in directions]
    places = [at for at, one in enumerate(directions) if one != "N"]
    for before, after in pairwise(places):
        if found[before] and found[after]:
            found[before:after] = [True] * (after - before)
    return found


def _turn_runs(items: Sequence[Item], is_turned: Sequence[bool]) -> list[Item]:
    """`items` with each run of those that are turned in reversed order."""
    turned: list[Item] = []
    run: list[Item] = []
    for item, in_run in zip(items, is_turned, strict=True):
        if in_run:
            run.insert(0, item)
        else:
            turned += [*run, item]
            run = []
    return turned + run
