"""Compiles the patterns of rules.toml, rows of words with gaps, to RE2.

"{drop} ~2 your rule*" ─► words of the list, normalised ─► (?:ignore|forget|…) gap of 2 words  your  rule\\w*
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import re2

from pipelines.instructions.normalisation import normalise
from pipelines.linear_patterns import compile_text

WordLists = Mapping[str, Sequence[str]]

# In normalised text, where all beyond ASCII are letters. Words of one phrase stand in one sentence.
_LETTERS = r"0-9a-z_\x{80}-\x{10FFFF}"
_LETTER, _BETWEEN, _EDGE = f"[{_LETTERS}]", f"[^{_LETTERS}.!?]", f"[^{_LETTERS}]"
_SPACE = r"[\t-\r ]*"
_COLON = f"{_SPACE}:{_SPACE}"

# Digits and signs that are written for letters, and what OCR confuses. In words of fewer letters they are not taken for
# each other: that would make the Spanish "la" of "IA".
_VARIANTS = {"o": "o0", "i": "il1|", "l": "il1|", "e": "e3", "a": "a4@", "s": "s5$", "t": "t7"}
_LONG_WORD = 4
_ONE_VARIANT = str.maketrans({other: many[0] for many in _VARIANTS.values() for other in many[1:]})


@dataclass(frozen=True, slots=True)
class Spacing:
    """How words are joined: `before` and `after` a phrase, `between` words, `gap` in place of one word, `rest` of one,
    and `inside` words, between their letters."""

    before: str
    between: str
    gap: str
    after: str
    rest: str = f"{_LETTER}*"
    inside: str = ""


SPACED = Spacing(f"(?:^|{_EDGE})", f"{_BETWEEN}+", f"(?:{_LETTER}+{_BETWEEN}+)", f"(?:$|{_EDGE})")
# Chinese and Japanese, whose lines may break anywhere; and letters that stand apart, from which spaces were removed.
UNSPACED = Spacing("", _SPACE, "[^.!?]", "", rest="", inside=_SPACE)
SQUEEZED = Spacing("", "", f"(?:{_LETTER}{{1,10}})", "", rest="")


@dataclass(frozen=True)
class PhrasePattern:
    """`pattern` is RE2 for normalised text; one of `stems` is in every text that it matches, after `unify_variants`."""

    kind: str
    written: str
    pattern: str
    stems: tuple[str, ...]

    @cached_property
    def compiled(self) -> "re2._Regexp":
        """Its first group is the phrase. Compiled when it is needed: most languages never are."""
        return compile_text(self.pattern)


def compile_phrase(kind: str, written: str, lists: WordLists, spacing: Spacing) -> PhrasePattern:
    """Raises KeyError for an unknown list, ValueError for a gap at either end."""
    tokens = written.split(" ")
    if tokens[0].startswith("~") or tokens[-1].startswith("~"):
        raise ValueError(f"{written!r} begins or ends with a gap")
    pattern, separator, slots = "", "", list[Sequence[str]]()
    for token in tokens:
        if token == ":":
            pattern, separator = pattern + _COLON, ""
        elif token.startswith("~"):
            pattern, separator = f"{pattern}{separator}{spacing.gap}{{0,{int(token[1:])}}}?", ""
        else:
            slots.append(lists[token[1:-1]] if token.startswith("{") else [token])
            words = "|".join(_compile_word(word, spacing) for word in slots[-1])
            pattern, separator = f"{pattern}{separator}(?:{words})", spacing.between
    return PhrasePattern(kind, written, f"{spacing.before}({pattern}){spacing.after}", _pick_stems(slots))


def _compile_word(entry: str, spacing: Spacing) -> str:
    """One word of a list, or several, of which each may end with a star."""
    return spacing.between.join(
        spacing.between.join(spacing.inside.join(_compile_letters(word)) for word in _split_words(part))
        + (spacing.rest if part.endswith("*") else "")
        for part in entry.split()
    )


def _compile_letters(word: str) -> list[str]:
    if len(word) < _LONG_WORD:
        return list(map(re2.escape, word))
    return [f"[{_VARIANTS[letter]}]" if letter in _VARIANTS else re2.escape(letter) for letter in word]


def unify_variants(normal: str) -> str:
    """Normalised text with one letter for all that are written for each other."""
    return normal.translate(_ONE_VARIANT)


def _split_words(word: str) -> list[str]:
    """The words of a phrase, normalised; apostrophes and hyphens separate words in texts, too."""
    normal = normalise(word).text
    return "".join(one if one.isalnum() or one == "_" else " " for one in normal).split()


def _pick_stems(slots: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The first words of the slot whose shortest one is longest: the rarest in texts."""
    stems = [tuple({unify_variants(_split_words(word)[0]) for word in words}) for words in slots]
    return max(stems, key=lambda one: min(map(len, one)))


def compile_marks(marks: Sequence[str]) -> PhrasePattern:
    """Marks of chat templates, letter for letter."""
    normal = tuple(normalise(mark).text for mark in marks)
    pattern = "|".join(map(re2.escape, normal))
    return PhrasePattern("template", "mark of a chat template", f"({pattern})", tuple(map(unify_variants, normal)))


def compile_language(language: Mapping[str, Any], spacing: Spacing) -> list[PhrasePattern]:
    """The patterns of one language of rules.toml; raises KeyError and ValueError as `compile_phrase` does."""
    lists: WordLists = language["lists"]
    return [
        compile_phrase(kind, written, lists, spacing)
        for kind, patterns in language["patterns"].items()
        for written in patterns
    ]
