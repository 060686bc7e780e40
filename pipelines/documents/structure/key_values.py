"""Finds keys and their values in forms and receipts by their position: `Date: 2024-01-01`, `Total      12.40`."""

from collections.abc import Sequence
from statistics import mean

from pipelines.documents.stages import TextLine, TextWord
from pipelines.documents.tables.tokens import TextToken, group_into_rows, split_into_tokens
from pipelines.documents.types import KeyValuePair, RegionLabel
from pipelines.linear_patterns import text_begins

_is_amount = text_begins(
    r"[^\w(]*(?:[A-Z]{2,3}\s?|[$€£¥₹]\s?|RM\s?|Rs\.?\s?)?\(?[-+]?\d[\d.,:/\s-]*(?:[%$€£¥₹]|[A-Z]{1,3}|[ap]m)?\)?\W*$",
    ignore_case=True,
)
_is_date = text_begins(r"\W*\d{1,4}[./-](?:\d{1,2}|[a-z]{3,9})[./-]\d{2,4}(?:\s+\d{1,2}:\d{2}.*)?$", ignore_case=True)
LONGEST_KEY, LONGEST_VALUE = 40, 120  # characters
PROSE_WORDS = 8  # average words per line from which a text is prose and has no pairs
MAX_GAP_BELOW = 1.5  # white to a value under its key, in line heights


def find_key_values(lines: Sequence[TextLine]) -> list[KeyValuePair]:
    """Pairs from top to bottom. `lines` must not include running text, see `may_have_pairs`."""
    rows = group_into_rows(split_into_tokens(lines))
    pairs: list[KeyValuePair] = []
    for index, row in enumerate(rows):
        pairs += _find_in_row(row, rows[index + 1] if index + 1 < len(rows) else [])
    return pairs


def may_have_pairs(label: RegionLabel, lines: Sequence[TextLine]) -> bool:
    """Whether text under this label can have pairs. Running text cannot: its sentences contain colons, too."""
    if label in ("formula", "reference", "caption", "footnote"):
        return False
    return len(lines) < 3 or mean(len(line.text.split()) for line in lines) < PROSE_WORDS


def _find_in_row(row: Sequence[TextToken], below: Sequence[TextToken]) -> list[KeyValuePair]:
    """Pairs by colon; without any, a name and a value that are alone in the row."""
    pairs: list[KeyValuePair] = []
    index = 0
    while index < len(row):
        key, value = _split_at_colon(row[index])
        following = row[index + 1] if index + 1 < len(row) else None
        if key and value:
            pairs.append(_build_pair(key, value))
        elif key and following is not None and _split_at_colon(following) == (None, following):
            pairs.append(_build_pair(key, following))
            index += 1
        elif key and following is None:
            pairs += [_build_pair(key, token) for token in _find_value_below(key, below)]
        index += 1
    if not pairs and len(row) == 2 and _is_name(row[0].text) and _is_value(row[1].text):
        pairs.append(_build_pair(row[0], row[1]))
    return pairs


def _build_pair(key: TextToken, value: TextToken) -> KeyValuePair:
    name = key.text.rstrip(" :：.").strip()
    return KeyValuePair(key=name, value=value.text.strip(" :："), key_box=key.box, value_box=value.box)


def _find_value_below(key: TextToken, below: Sequence[TextToken]) -> list[TextToken]:
    """The value under a key that has nothing to its right; one token at most."""
    line_height = key.box[3] - key.box[1]
    near = [
        token
        for token in below
        if abs(token.box[0] - key.box[0]) < line_height and token.box[1] - key.box[3] < MAX_GAP_BELOW * line_height
    ]
    return near[:1] if near and _split_at_colon(near[0])[0] is None else []


def _split_at_colon(token: TextToken) -> tuple[TextToken | None, TextToken | None]:
    """Key and value of the token: `(None, token)` if no colon divides it, no value if nothing follows the colon."""
    colon = _find_colon(token.text)
    if colon is None or not _is_name(token.text[:colon]):
        return None, token
    left, right = _split_words(token, colon + 1)
    key = TextToken(left, token.text[:colon].strip())
    rest = token.text[colon + 1 :].strip()
    if not rest or len(rest) > LONGEST_VALUE or not right:
        return key, None
    return key, TextToken(right, rest)


def _find_colon(text: str) -> int | None:
    """The first colon that is not part of a time, an address or a ratio."""
    return next((at for at, one in enumerate(text) if one == "：" or (one == ":" and _divides(text, at))), None)


def _divides(text: str, colon: int) -> bool:
    if text[max(0, colon - 1) : colon].isdecimal():
        return not text[colon + 1 : colon + 2].isdecimal()
    return not text.startswith("//", colon + 1)


def _split_words(token: TextToken, at: int) -> tuple[tuple[TextWord, ...], tuple[TextWord, ...]]:
    """Words before and after a position in the text; a word across it is cut, its characters taken as equally wide."""
    left, right, position = [], [], 0
    for word in token.words:
        begin = token.text.find(word.text, position)
        begin = position if begin < 0 else begin
        position = begin + len(word.text)
        if position <= at:
            left.append(word)
        elif begin >= at:
            right.append(word)
        else:
            x0, y0, x1, y1 = word.box
            middle = x0 + (x1 - x0) * (at - begin) / len(word.text)
            left.append(TextWord(word.text[: at - begin], (x0, y0, middle, y1), word.score, word.is_struck))
            right.append(TextWord(word.text[at - begin :], (middle, y0, x1, y1), word.score, word.is_struck))
    return tuple(left or token.words[:1]), tuple(right)


def _is_name(text: str) -> bool:
    letters = sum(character.isalpha() for character in text)
    bare = sum(not character.isspace() for character in text)
    return 2 <= len(text.strip()) <= LONGEST_KEY and 2 * letters >= bare


def _is_value(text: str) -> bool:
    return _is_amount(text) or _is_date(text)
