"""Texts in the form in which they are compared, with the way back to the characters that they were given in.

text ─► without invisible characters, NFKC ─► case folded, each run of whitespace one space
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

# Besides category Cf and control characters: fillers and variation selectors, which are invisible as well.
_INVISIBLE = {
    0x034F,
    0x115F,
    0x1160,
    0x3164,
    0xFFA0,
    0x17B4,
    0x17B5,
    *range(0x180B, 0x1810),
    *range(0xFE00, 0xFE10),
    *range(0xE0100, 0xE01F0),
}
# Scripts without spaces between words, and Hangul, whose particles stick to them: a word may begin anywhere.
_UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0x9FFF), (0xA960, 0xA97F), (0xAC00, 0xFAFF),
             (0x1100, 0x11FF), (0x20000, 0x3FFFF))  # fmt: skip
_CONTROLS = frozenset(one for one in map(chr, range(128)) if unicodedata.category(one) == "Cc" and not one.isspace())
MAX_RUN = 32  # a character and its marks; no language needs more, and sorting marks takes quadratic time
# These compose with the character before them although they are no marks: vowels and finals of Hangul, halfwidth forms.
_COMPOSING = ((0x1160, 0x11FF), (0xFF9E, 0xFFDC))


@dataclass(frozen=True, slots=True)
class FoldedText:
    """A text and, for each of its characters, the span of the original that it comes from."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def get_original_span(self, start: int, end: int) -> tuple[int, int]:
        return self.starts[start], self.ends[end - 1]


def fold_text(text: str) -> FoldedText:
    """`clean_text`, case folded, with each run of whitespace as one space: the form in which words are compared."""
    return fold_cleaned(clean_text(text))


def clean_text(text: str) -> FoldedText:
    """The text without invisible characters and in NFKC, where ﬀ is ff and a fullwidth Ａ is A."""
    if text.isascii() and _CONTROLS.isdisjoint(text):
        return FoldedText(text, range(len(text)), range(1, len(text) + 1))
    characters, starts, ends = list[str](), list[int](), list[int]()
    for start, end, visible in _split_composing_runs(text):
        composed = unicodedata.normalize("NFKC", visible)
        characters.append(composed)
        starts += [start] * len(composed)
        ends += [end] * len(composed)
    return FoldedText("".join(characters), starts, ends)


def _split_composing_runs(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and visible characters of each run that NFKC composes as one: a character and its marks."""
    start, run = 0, ""
    for at, character in enumerate(text):
        if _is_invisible(character):
            continue
        if run and (len(run) == MAX_RUN or not _is_composing(character)):
            yield start, at, run
            run = ""
        if not run:
            start = at
        run += character
    if run:
        yield start, len(text), run


def fold_cleaned(cleaned: FoldedText) -> FoldedText:
    characters, starts, ends = list[str](), list[int](), list[int]()
    for character, start, end in zip(cleaned.text, cleaned.starts, cleaned.ends, strict=True):
        if character.isspace():
            if characters and characters[-1] == " ":
                ends[-1] = end
                continue
            character = " "
        for part in character.casefold():
            characters.append(part)
            starts.append(start)
            ends.append(end)
    return FoldedText("".join(characters), starts, ends)


@lru_cache(maxsize=10_000)
def _is_invisible(character: str) -> bool:
    category = unicodedata.category(character)
    return ord(character) in _INVISIBLE or category == "Cf" or (category == "Cc" and not character.isspace())


@lru_cache(maxsize=10_000)
def _is_composing(character: str) -> bool:
    """Whether NFKC may join it to the character before it."""
    return unicodedata.category(character).startswith("M") or _is_in_ranges(character, _COMPOSING)


@lru_cache(maxsize=10_000)
def is_word_part(character: str) -> bool:
    """Whether two such characters side by side belong to one word."""
    is_word_like = character.isalnum() or character == "_" or unicodedata.category(character).startswith("M")
    return is_word_like and not _is_in_ranges(character, _UNSPACED)


def _is_in_ranges(character: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= ord(character) <= last for first, last in ranges)
