"""Keys and their values in forms and receipts, by where they stand: `Date: 2024-01-01`, `Total      12.40`."""

import re
from collections.abc import Sequence
from statistics import mean

from pipelines.documents.stages import TextLine, TextWord
from pipelines.documents.tables.tokens import Piece, pieces_of, visual_rows
from pipelines.documents.types import Label, Pair

# A colon that is not part of a time, an address or a ratio.
_COLON = re.compile(r"(?<!\d)[:：](?!//)|(?<=\d)[:：](?!\d)|：")
_VALUE = re.compile(
    r"[^\w(]*(?:[A-Z]{2,3}\s?|[$€£¥₹]\s?|RM\s?|Rs\.?\s?)?\(?[-+]?\d[\d.,:/\s-]*(?:[%$€£¥₹]|[A-Z]{1,3}|[ap]m)?\)?\W*$",
    re.I,
)
_DATE = re.compile(r"\W*\d{1,4}[./-](?:\d{1,2}|[a-z]{3,9})[./-]\d{2,4}(?:\s+\d{1,2}:\d{2}.*)?$", re.I)
LONGEST_KEY, LONGEST_VALUE = 40, 120  # characters
PROSE = 8  # words of a row, on average, in a text that has no pairs
BELOW = 1.5  # white to a value under its key, in line heights


def pairs_of(lines: Sequence[TextLine]) -> list[Pair]:
    """Top to bottom. `lines` without those of running text: see `may_have_pairs`."""
    rows = visual_rows(pieces_of(lines))
    found: list[Pair] = []
    for index, row in enumerate(rows):
        found += _in_row(row, rows[index + 1] if index + 1 < len(rows) else [])
    return found


def may_have_pairs(label: Label, lines: Sequence[TextLine]) -> bool:
    """Sentences have colons and numbers too."""
    if label in ("formula", "reference", "caption", "footnote"):
        return False
    return len(lines) < 3 or mean(len(line.text.split()) for line in lines) < PROSE


def _in_row(row: Sequence[Piece], below: Sequence[Piece]) -> list[Pair]:
    found: list[Pair] = []
    index = 0
    while index < len(row):
        key, value = _cut(row[index])
        following = row[index + 1] if index + 1 < len(row) else None
        if key and value:
            found.append(_pair(key, value))
        elif key and following is not None and _cut(following) == (None, following):
            found.append(_pair(key, following))
            index += 1
        elif key and following is None:
            found += [_pair(key, one) for one in _under(key, below)]
        index += 1
    if not found and len(row) == 2 and _is_name(row[0].text) and _is_value(row[1].text):
        found.append(_pair(row[0], row[1]))
    return found


def _pair(key: Piece, value: Piece) -> Pair:
    name = key.text.rstrip(" :：.").strip()
    return Pair(key=name, value=value.text.strip(" :："), key_box=key.box, value_box=value.box)


def _under(key: Piece, below: Sequence[Piece]) -> list[Piece]:
    """The value that stands under a key that has nothing to its right."""
    tall = key.box[3] - key.box[1]
    near = [one for one in below if abs(one.box[0] - key.box[0]) < tall and one.box[1] - key.box[3] < BELOW * tall]
    return near[:1] if near and _cut(near[0])[0] is None else []


def _cut(one: Piece) -> tuple[Piece | None, Piece | None]:
    """Its key and its value: `(None, one)` where no colon parts it."""
    colon = _COLON.search(one.text)
    if colon is None or not _is_name(one.text[: colon.start()]):
        return None, one
    left, right = _words(one, colon.end())
    key = Piece(left, one.text[: colon.start()].strip())
    rest = one.text[colon.end() :].strip()
    if not rest or len(rest) > LONGEST_VALUE or not right:
        return key, None
    return key, Piece(right, rest)


def _words(one: Piece, at: int) -> tuple[tuple[TextWord, ...], tuple[TextWord, ...]]:
    """Words before and after a place in the text; one that goes over it is cut there, its characters as wide."""
    left, right, position = [], [], 0
    for word in one.words:
        begin = one.text.find(word.text, position)
        begin = position if begin < 0 else begin
        position = begin + len(word.text)
        if position <= at:
            left.append(word)
        elif begin >= at:
            right.append(word)
        else:
            x0, y0, x1, y1 = word.box
            middle = x0 + (x1 - x0) * (at - begin) / len(word.text)
            left.append(TextWord(word.text[: at - begin], (x0, y0, middle, y1), word.score))
            right.append(TextWord(word.text[at - begin :], (middle, y0, x1, y1), word.score))
    return tuple(left or one.words[:1]), tuple(right)


def _is_name(text: str) -> bool:
    letters = sum(character.isalpha() for character in text)
    bare = sum(not character.isspace() for character in text)
    return 2 <= len(text.strip()) <= LONGEST_KEY and 2 * letters >= bare


def _is_value(text: str) -> bool:
    return _VALUE.match(text) is not None or _DATE.match(text) is not None
