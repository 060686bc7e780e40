"""Finds keys and their values in forms, receipts and invoices by position and form: `Date: 2024-01-01`,
`Total      12.40`, `Order no. 4711`, a name over its value; and dates, times and telephone numbers without a name.

rows of tokens ──► currencies and colons joined, keys in one token apart ──► pairs of a row ──► dates apart from times
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import mean

from pipelines.documents.stages import TextLine
from pipelines.documents.structure.key_names import (
    find_value_after_name,
    is_key_name,
    names_number,
    reads_as_name,
)
from pipelines.documents.structure.token_slices import join_tokens, slice_token
from pipelines.documents.structure.typed_values import (
    classify_value,
    find_date,
    find_time,
    is_amount,
    is_currency,
    is_money,
)
from pipelines.documents.tables.tokens import TextToken, group_into_rows, split_into_tokens
from pipelines.documents.types import KeyValuePair, RegionLabel

LONGEST_KEY, LONGEST_VALUE = 40, 120  # characters
LONGEST_NAME = 5  # words before a value in one token
LONGEST_DATED = 60  # characters of a token in which a date without a name is looked for
MOST_DATES = 3  # without a name on a page: more are the rows of a table
PROSE_WORDS = 8  # average words per line from which a text is prose and has no pairs
MAX_GAP_BELOW = 1.5  # white to a value under its key, in line heights
MOST_WORDS_AFTER = 3  # behind a date that is a value without them

Found = tuple[TextToken | None, TextToken]  # key and value; a value without a name has no key


def find_key_values(lines: Sequence[TextLine]) -> list[KeyValuePair]:
    """Pairs from top to bottom. `lines` must not include running text, see `may_have_pairs`."""
    rows = [_prepare_row(row) for row in group_into_rows(split_into_tokens(lines))]
    found: list[list[Found]] = []
    rests: list[list[TextToken]] = []
    for row, below in zip(rows, [*rows[1:], []], strict=False):
        named_above = {id(value) for _, value in (found[-1] if found else [])}
        pairs, rest = _find_in_row(row, below, named_above)
        found.append([part for key, value in pairs for part in _split_dated(key, value)])
        rests.append(rest)
    named = [pair for pairs in found for pair in pairs]
    may_be_date, may_be_telephone = _judge_nameless([token for rest in rests for token in rest], named)
    for pairs, rest in zip(found, rests, strict=True):
        for token in rest:
            if may_be_date and (date := _find_lone_date(token)):
                pairs += _split_dated(None, slice_token(token, date[0], len(token.text)))
            elif may_be_telephone and classify_value(token.text) == "telephone":
                pairs.append((None, token))
    return [_build_pair(key, value) for pairs in found for key, value in pairs]


def may_have_pairs(label: RegionLabel, lines: Sequence[TextLine]) -> bool:
    """Whether text under this label can have pairs. Running text cannot: its sentences contain colons, too."""
    if label in ("formula", "reference", "caption", "footnote"):
        return False
    return len(lines) < 3 or mean(len(line.text.split()) for line in lines) < PROSE_WORDS


def _prepare_row(row: Sequence[TextToken]) -> list[TextToken]:
    """The row with colons joined to the texts before them, currencies to the amounts behind, and keys apart."""
    tokens: list[TextToken] = []
    for token in row:
        is_colon = token.text.strip() in (":", "：")
        is_priced = bool(tokens) and is_currency(tokens[-1].text) and is_amount(token.text)
        if tokens and (is_colon or is_priced):
            tokens[-1] = join_tokens([tokens[-1], token])
        else:
            tokens.append(token)
    return [part for token in tokens for part in _split_at_keys(token)]


def _split_at_keys(token: TextToken) -> Iterator[TextToken]:
    """`Tel: 03-55423228 Fax: 03-55423213` as two tokens: cut before each later word with a colon after a value."""
    begin, first = 0, _find_colon(token.text)
    at = first + 1 if first is not None else len(token.text)
    while (colon := _find_colon(token.text, at)) is not None:
        word = token.text.rfind(" ", begin, len(token.text[:colon].rstrip())) + 1
        name = token.text[word:colon].strip()
        has_value = any(map(str.isdigit, token.text[at:word]))
        if word > at and has_value and len(name) > 1 and name.isalpha():
            yield slice_token(token, begin, word)
            begin = word
        at = colon + 1
    yield slice_token(token, begin, len(token.text)) if begin else token


def _find_in_row(
    row: Sequence[TextToken], below: Sequence[TextToken], named_above: set[int]
) -> tuple[list[Found], list[TextToken]]:
    """Pairs by colon, then by name, and last a name and a value that are alone in the row; and the other tokens.

    `named_above` are the ids of tokens that are values of names above them."""
    are_free = not any(id(token) in named_above for token in row)
    if len(row) == 2 and are_free and _is_named_value(row[0], row[1]):
        return [(row[0], row[1])], []
    pairs: list[Found] = []
    rest: list[TextToken] = []
    index = 0
    while index < len(row):
        following = row[index + 1] if index + 1 < len(row) else None
        found, used = ([], 1) if id(row[index]) in named_above else _find_at(row[index], following, below)
        pairs += found
        rest += [] if found else [row[index]]
        index += used
    last = [token for token in rest if id(token) not in named_above]
    is_beside = len(last) == 2 and any(one is last[0] and other is last[1] for one, other in pairwise(row))
    if is_beside and _is_named_value(last[0], last[1]):
        return [*pairs, (last[0], last[1])], []
    return pairs, last


def _find_at(token: TextToken, following: TextToken | None, below: Sequence[TextToken]) -> tuple[list[Found], int]:
    """The pair that begins with this token, if any, and how many tokens of the row it takes."""
    key, value = _split_at_colon(token)
    is_followed = following is not None and _split_at_colon(following)[0] is None
    if key and following and (value is None or (is_currency(value.text) and is_amount(following.text))) and is_followed:
        return [(key, following)], 2
    if key and value:
        return [(key, value)], 1
    if key:
        return [(key, one) for one in _find_value_below(key, below)] if following is None else [], 1
    if named := _split_after_name(token):
        return [named], 1
    if is_key_name(token.text) and not (following and is_amount(following.text)):
        return [(token, one) for one in _find_value_below(token, below) if _is_code(one.text)], 1
    return [], 1


def _is_named_value(name: TextToken, value: TextToken) -> bool:
    has_key = any(_split_at_colon(token)[0] is not None for token in (name, value))
    return not has_key and _is_name(name.text) and _is_value(value.text)


def _is_code(text: str) -> bool:
    """Whether it can be the value of a name above it: a date, or a word or two with digits."""
    return any(map(str.isdigit, text)) and (len(text.split()) <= 2 or find_date(text) is not None)


def _split_after_name(token: TextToken) -> Found | None:
    """Name and value in one token without a colon: `Invoice no. 47`, `Grand total RM39.00`, `DATE 11/28/15`."""
    begin = find_value_after_name(token.text)
    if begin is None:
        date = find_date(token.text)
        begin = date[0] if date is not None else _find_last_amount(token.text)
        is_place = date is not None and "," in token.text[: date[0]]  # Kiel, 12 March 2026
        if begin is None or is_place or not _is_short_name(token.text[:begin]):
            return None
    if not reads_as_name(token.text[:begin]) or _reads_on(token.text[begin:]):
        return None
    return slice_token(token, 0, begin), slice_token(token, begin, len(token.text))


def _reads_on(value: str) -> bool:
    """Whether a sentence goes on behind the value: `A17 was wrong`."""
    date = find_date(value)
    behind = value[date[1] :] if date is not None and not date[0] else value.partition(" ")[2]
    behind = behind.strip()
    return bool(behind) and behind[0].islower() and len(behind.split()) > 1 and find_time(behind) is None


def _find_last_amount(text: str) -> int | None:
    """Where an amount begins that ends the text, with its currency."""
    words = text.split()
    for count in (2, 1):
        begin = len(text) - len(" ".join(words[-count:]))
        if len(words) > count and is_money(text[begin:]):
            return begin
    return None


def _is_short_name(text: str) -> bool:
    """Whether it can be the name of a value: words without digits, longer than a weekday or a preposition."""
    words = text.split()
    has_end = bool(words) and any(one.isalnum() or one in "#°" for one in words[-1])
    return (
        _is_name(text) and has_end and len(words) <= LONGEST_NAME and not any(map(str.isdigit, text)) and len(text) > 4
    )


def _split_dated(key: TextToken | None, value: TextToken) -> Iterator[Found]:
    """A value that begins with a date as that, and the time behind it as a value of its own name or the same one."""
    bare = len(value.text) - len(value.text.lstrip(" :："))
    value = slice_token(value, bare, len(value.text)) if 0 < bare < len(value.text) else value
    date = find_date(value.text)
    if date is None or date[0] > 0 or date[1] == len(value.text):
        yield key, value
        return
    behind = slice_token(value, date[1], len(value.text))
    time = find_time(behind.text)
    words = (behind.text[: time[0]] + " " + behind.text[time[1] :]) if time else behind.text
    if len(words.split()) > MOST_WORDS_AFTER and key is not None:
        yield key, value
        return
    yield key, slice_token(value, *date)
    if time is not None:
        has_name = is_key_name(behind.text[: time[0]])
        yield slice_token(behind, 0, time[0]) if has_name else key, slice_token(behind, *time)


def _judge_nameless(tokens: Sequence[TextToken], named: Sequence[Found]) -> tuple[bool, bool]:
    """Whether dates, and whether telephone numbers, can be values without a name: where none of the kind has a name.
    Many dates are the rows of a table."""
    kinds = {classify_value(value.text) for _, value in named}
    dates = sum(_find_lone_date(token) is not None for token in tokens)
    return "date" not in kinds and dates <= MOST_DATES, "telephone" not in kinds


def _find_lone_date(token: TextToken) -> tuple[int, int] | None:
    return find_date(token.text) if len(token.text) <= LONGEST_DATED else None


def _build_pair(key: TextToken | None, value: TextToken) -> KeyValuePair:
    """A value without a name has an empty key, in its own place."""
    text = value.text.strip(" :：")
    name = key.text.rstrip(" :：.").strip() if key else ""
    kind = classify_value(text)
    return KeyValuePair(
        key=name,
        value=text,
        kind=None if kind == "date" and names_number(name) else kind,
        key_box=(key or value).box,
        value_box=value.box,
        struck=any(word.is_struck for word in value.words),
    )


def _find_value_below(key: TextToken, below: Sequence[TextToken]) -> list[TextToken]:
    """The value under a key that has nothing to its right; one token at most."""
    line_height = key.box[3] - key.box[1]
    near = [
        token
        for token in below
        if abs(token.box[0] - key.box[0]) < line_height and token.box[1] - key.box[3] < MAX_GAP_BELOW * line_height
    ]
    is_other_key = bool(near) and (_split_at_colon(near[0])[0] is not None or is_key_name(near[0].text))
    return near[:1] if near and not is_other_key else []


def _split_at_colon(token: TextToken) -> tuple[TextToken | None, TextToken | None]:
    """Key and value of the token: `(None, token)` if no colon divides it, no value if nothing follows the colon."""
    colon = _find_colon(token.text)
    if colon is None or not _is_name(token.text[:colon]):
        return None, token
    key, rest = slice_token(token, 0, colon + 1), token.text[colon + 1 :].strip()
    if not rest or len(rest) > LONGEST_VALUE:
        return key, None
    return key, slice_token(token, colon + 1, len(token.text))


def _find_colon(text: str, begin: int = 0) -> int | None:
    """The first colon from `begin` that is not part of a time, an address or a ratio."""
    places = range(begin, len(text))
    return next((at for at in places if text[at] == "：" or (text[at] == ":" and _divides(text, at))), None)


def _divides(text: str, colon: int) -> bool:
    if text[max(0, colon - 1) : colon].isdecimal():
        return not text[colon + 1 : colon + 2].isdecimal()
    return not text.startswith("//", colon + 1)


def _is_name(text: str) -> bool:
    letters = sum(character.isalpha() for character in text)
    bare = sum(not character.isspace() for character in text)
    return 2 <= len(text.strip()) <= LONGEST_KEY and 2 * letters >= bare


def _is_value(text: str) -> bool:
    return is_amount(text) or find_date(text) is not None
