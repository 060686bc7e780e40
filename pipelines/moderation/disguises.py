"""Readings of a text that see through the ways in which people disguise words from lists of them.

    cleaned text ─► letters (homoglyphs, marks) ─► spacing ─► leet
                        │                             └─► a reading with joined letters
                        └─► a reading in Latin letters    └──────► a reading with digits as letters

A reading adds matches and takes none away: only what it changed counts, so ordinary words match as without it.
Look-alikes are those of Unicode's confusables.txt (UTS 39), by the library confusable_homoglyphs (MIT).
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pipelines.moderation.folding import FoldedText

_LEET = dict(zip("0134578@$!¡|+9€", "oieastbasiiitge", strict=True)) | {"6": "g"}
_LEET_INSIDE = frozenset("!¡|+")  # punctuation behind a word, and letters only in front of another one
_ONE_LETTER = str.maketrans("l", "i")  # 1, ! and | stand for either
_SEPARATORS = frozenset(".-_*·•~,'+/\\:|")
_MAX_GAP = 3  # characters between two letters that are spelt out
# Blocks of marks that no language needs behind a letter which has no composed form; vowel signs are not among them.
_MARKS = ((0x0300, 0x036F), (0x0483, 0x0489), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F))
_MORE_HOMOGLYPHS = {"ĸ": "k", "к": "k", "в": "b", "н": "h", "м": "m", "т": "t", "κ": "k", "η": "n", "τ": "t", "я": "r"}


class Disguises(BaseModel):
    """The disguises that words are looked for in. Invisible characters, width and case never matter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    homoglyphs: bool = Field(
        default=True, description="letters of other scripts, and symbols, that look like Latin ones"
    )
    marks: bool = Field(default=True, description="accents, strokes and marks over, under and through letters")
    leet: bool = Field(default=True, description="digits and signs for letters: k1ll")
    spacing: bool = Field(default=True, description="letters apart: k i l l, k.i.l.l, ki-ll")
    patterns: bool = Field(default=True, description="look for patterns behind all of these as well")


@dataclass(slots=True)
class Reading:
    """A text in one form. By character: its span in the original, whether it is disguised, and is joined to the one
    before it over a space, so that a word may begin there.
    """  # fmt: skip

    characters: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    changed: list[bool] = field(default_factory=list)
    joined: list[bool] = field(default_factory=list)

    def add(self, character: str, start: int, end: int, *, changed: bool, joined: bool = False) -> None:
        self.characters.append(character)
        self.starts.append(start)
        self.ends.append(end)
        self.changed.append(changed)
        self.joined.append(joined)

    @property
    def folded(self) -> FoldedText:
        return FoldedText("".join(self.characters), self.starts, self.ends)


def list_readings(
    cleaned: FoldedText, disguises: Disguises, ones: Sequence[Literal["i", "l"] | None] = (None,)
) -> Iterator[Reading]:
    """Yield each reading in which something is disguised; all are linear in the text.

    There is one of leet for each of `ones`, what 1, ! and | are read as; None: both they and every l are i.
    """
    letters = _read_letters(cleaned, disguises)
    if any(letters.changed):
        yield letters
    readings = [letters]
    if disguises.spacing:
        spaced = _join_letters(letters)
        if len(spaced.characters) < len(letters.characters):
            readings.append(spaced)
            yield spaced
    if disguises.leet and not _LEET.keys().isdisjoint(cleaned.text):
        yield from (_read_leet(reading, one) for one in ones for reading in readings)


def list_word_forms(cleaned: FoldedText, disguises: Disguises) -> set[str]:
    """The forms in which readings may have a listed word."""
    letters = "".join(_read_letters(cleaned, disguises).characters).strip()
    forms = {letters, letters.replace(" ", "")} if disguises.spacing else {letters}
    return forms | {_unite_leet(form) for form in forms} if disguises.leet else forms


def _unite_leet(word: str) -> str:
    """In readings of leet, where 1 may be i or l, both are i."""
    return word.translate(_ONE_LETTER)


def _read_letters(cleaned: FoldedText, disguises: Disguises) -> Reading:
    reading = Reading()
    for character, start, end in zip(cleaned.text, cleaned.starts, cleaned.ends, strict=True):
        if character.isspace():
            if reading.characters and reading.characters[-1] == " ":
                reading.ends[-1] = end
            else:
                reading.add(" ", start, end, changed=False)
            continue
        plain = character.casefold()
        read = plain if character.isascii() else _read_letter(character, disguises.homoglyphs, disguises.marks)
        if not read and reading.characters:
            reading.ends[-1], reading.changed[-1] = end, True
        for part in read:
            reading.add(part, start, end, changed=read != plain)
    return reading


@lru_cache(maxsize=10_000)
def _read_letter(character: str, homoglyphs: bool, marks: bool) -> str:
    """The letters, case folded, that a character beyond ASCII is read as; nothing for a mark."""
    if marks and any(first <= ord(character) <= last for first, last in _MARKS):
        return ""
    base = unicodedata.normalize("NFD", character)[0] if marks else character
    name = unicodedata.name(base, "")
    if marks and " WITH " in name and name.startswith("LATIN "):
        name = name.partition(" WITH ")[0]
        if len(letter := name.rpartition(" ")[2]) == 1:
            return letter.lower()
    if homoglyphs and not base.isascii():
        base = _find_look_alike(base, name) or _find_look_alike(base.casefold(), name) or base
    return base.casefold() if base.isascii() else character.casefold()


def _find_look_alike(character: str, name: str) -> str:
    """The ASCII letters or digits that it looks like, or nothing."""
    from confusable_homoglyphs.confusables import confusables_data  # reads a megabyte of JSON when it is imported

    if character in _MORE_HOMOGLYPHS:
        return _MORE_HOMOGLYPHS[character]
    # Letters in boxes, flags and small capitals are named by their letter.
    if len(letter := name.rpartition(" ")[2]) == 1 and ("LATIN" in name or "REGIONAL INDICATOR" in name):
        return letter
    found = (one["c"] for one in confusables_data.get(character, ()))
    letter = next((one for one in found if one.isascii() and one.isalnum()), "")
    return "i" if letter == "l" and character.isupper() else letter  # confusables.txt has l for a capital I


def _join_letters(letters: Reading) -> Reading:
    """Without separators inside words, and with single letters that have gaps of one width between them as one word."""
    reading, at, was_single = Reading(), 0, False
    for start, end in _split_words(letters.characters):
        is_spelt = was_single and end - start == 1
        is_bridged = at > 0 and _is_bridge(letters, at, start, is_spelt=is_spelt)
        for place in range(start if is_bridged else at, end):
            is_first = is_bridged and place == start
            _copy(letters, reading, place, changed=is_first, joined=is_first and is_spelt)
        at, was_single = end, end - start == 1
    for place in range(at, len(letters.characters)):
        _copy(letters, reading, place)
    return reading


def _split_words(characters: list[str]) -> Iterator[tuple[int, int]]:
    start = 0
    for is_word, group in groupby(characters, _is_letter):
        end = start + sum(1 for _ in group)
        if is_word:
            yield start, end
        start = end


def _is_bridge(letters: Reading, start: int, end: int, *, is_spelt: bool) -> bool:
    """Whether the gap separates letters of one word; wider gaps than one space are those between words."""
    gap = range(start, end)
    return len(gap) <= _MAX_GAP and all(
        (is_spelt and letters.ends[at] - letters.starts[at] == 1)
        if letters.characters[at] == " "
        else letters.characters[at] in _SEPARATORS
        for at in gap
    )


def _is_letter(character: str) -> bool:
    return (character.isalnum() and character != "_") or character in "@$"


def _copy(source: Reading, target: Reading, at: int, *, changed: bool = False, joined: bool = False) -> None:
    span = source.starts[at], source.ends[at]
    target.add(source.characters[at], *span, changed=changed or source.changed[at], joined=joined)


def _read_leet(letters: Reading, ones: Literal["i", "l"] | None) -> Reading:
    """Digits and signs as letters, in words that have a letter; only these count as disguised."""
    reading, start = Reading(), 0
    for _, group in groupby(letters.characters, lambda one: one.isalnum() or one in _LEET):
        word = list(group)
        has_letter = any(map(str.isalpha, word))
        for place, character in enumerate(word):
            is_leet = has_letter and character in _LEET
            if character in _LEET_INSIDE:
                is_leet &= place + 1 < len(word)
            read = _LEET[character] if is_leet else character
            if ones is None:
                read = _unite_leet(read)
            elif is_leet and read == "i":
                read = ones
            at = start + place
            reading.add(read, letters.starts[at], letters.ends[at], changed=is_leet, joined=letters.joined[at])
        start += len(word)
    return reading
