"""Finds the words and patterns of each category in texts that try to hide them; spans refer to the text as given.

    text ─► without invisible characters, NFKC ─► patterns
                                                └► case folded, each run of whitespace one space ─► words

All work is linear in the text: RE2 runs the patterns, and words are looked up by two first characters and length.
"""

import hashlib
import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from typing import Annotated, ClassVar

import re2
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from pipelines.moderation.types import Evidence, SignalResult

# Of one pattern: RE2 is linear for each match, but each search for the next one may run to the end of the text.
MAX_MATCHES = 100
MAX_SHOWN = 20  # matches that become evidence, per category
MAX_SHOWN_LENGTH = 100  # characters of a match that become evidence

# Besides category Cf: fillers and variation selectors, which are invisible as well.
_INVISIBLE = {0x034F, 0x115F, 0x1160, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
# Scripts without spaces between words, and Hangul, whose particles stick to them: a word may begin anywhere.
_UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0x9FFF), (0xA960, 0xA97F), (0xAC00, 0xFAFF),
             (0x1100, 0x11FF), (0x20000, 0x3FFFF))  # fmt: skip
MAX_RUN = 32  # a character and its marks; no language needs more, and sorting marks takes quadratic time
# These compose with the character before them although they are no marks: vowels and finals of Hangul, halfwidth forms.
_COMPOSING = ((0x1160, 0x11FF), (0xFF9E, 0xFFDC))


def _check_word(given: str) -> str:
    if not fold_text(given).text.strip():
        raise ValueError(f"{given!r} has no visible characters")
    return given


def _check_pattern(given: str) -> str:
    try:
        compiled = _compile_pattern(given)
    except re2.error as cause:
        reason = cause.args[0].decode(errors="replace") if isinstance(cause.args[0], bytes) else cause
        raise ValueError(f"{given!r} is no RE2 pattern: {reason}") from cause
    if compiled.search(""):
        raise ValueError(f"{given!r} matches the empty text, that is, every text")
    return given


class TextRules(BaseModel):
    """The words and patterns of one category."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: tuple[Annotated[str, AfterValidator(_check_word)], ...] = Field(
        default=(), description="whole words or phrases; case, width, accents' encoding and invisible characters aside"
    )
    patterns: tuple[Annotated[str, AfterValidator(_check_pattern)], ...] = Field(
        default=(), description="RE2 syntax; case matters unless the pattern begins with (?i)"
    )


@dataclass(frozen=True, slots=True)
class TextMatch:
    """`rule` is the word or pattern as written in the rules; `text` is the part of the given text in `span`."""

    category: str
    rule: str
    span: tuple[int, int]
    text: str


@dataclass(frozen=True, slots=True)
class FoldedText:
    """A text and, for each of its characters, the span of the original that it comes from."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def get_original_span(self, start: int, end: int) -> tuple[int, int]:
        return self.starts[start], self.ends[end - 1]


class TextMatcher:
    """Compiled rules: 1.5 ms for a text of 2,000 characters and 10,000 words, plus .01 ms for each pattern."""

    def __init__(self, rules: Mapping[str, TextRules]) -> None:
        self._words: dict[str, list[tuple[str, str]]] = {}
        for category, one in rules.items():
            for word in one.words:
                self._words.setdefault(fold_text(word).text.strip(), []).append((category, word))
        lengths: dict[str, set[int]] = {}
        for folded in self._words:
            lengths.setdefault(folded[:2], set()).add(len(folded))
        self._lengths = {head: tuple(sorted(found)) for head, found in lengths.items()}
        self._patterns = [
            (category, pattern, _compile_pattern(pattern))
            for category, one in rules.items()
            for pattern in one.patterns
        ]

    def find(self, text: str) -> list[TextMatch]:
        """The matches in the order of their spans, overlapping ones included; at most MAX_MATCHES of each pattern."""
        cleaned = clean_text(text)
        found = {*self._find_words(text, cleaned), *self._find_patterns(text, cleaned)}
        return sorted(found, key=lambda match: (match.span, match.category, match.rule))

    def _find_words(self, text: str, cleaned: FoldedText) -> Iterator[TextMatch]:
        folded = _fold_cleaned(cleaned)
        is_part = [_is_word_part(character) for character in folded.text]
        for start in range(len(folded.text)):
            if start and is_part[start - 1] and is_part[start]:
                continue
            for end in self._find_ends(folded.text, start):
                if end < len(is_part) and is_part[end - 1] and is_part[end]:
                    continue
                span = folded.get_original_span(start, end)
                for category, word in self._words.get(folded.text[start:end], ()):
                    yield TextMatch(category, word, span, text[slice(*span)])

    def _find_ends(self, text: str, start: int) -> Iterator[int]:
        """Yield the positions at which a word that begins at `start` could end."""
        for head in {text[start], text[start : start + 2]}:
            for length in self._lengths.get(head, ()):
                if start + length <= len(text):
                    yield start + length

    def _find_patterns(self, text: str, cleaned: FoldedText) -> Iterator[TextMatch]:
        searchable = cleaned.text.encode("utf-8", "replace").decode()  # RE2 takes no lone surrogates
        for category, pattern, compiled in self._patterns:
            for match in islice(compiled.finditer(searchable), MAX_MATCHES):
                if match.start() < match.end():
                    span = cleaned.get_original_span(match.start(), match.end())
                    yield TextMatch(category, pattern, span, text[slice(*span)])


@dataclass(frozen=True)
class TextSignal:
    """Signal "text": scores each category 1 where one of its words or patterns was found, else 0."""

    rules: Mapping[str, TextRules]
    name: ClassVar[str] = "text"

    def score_names(self) -> tuple[str, ...]:
        return tuple(self.rules)

    def read_text(self, text: str) -> SignalResult:
        matches = self._matcher.find(text)
        matched = {match.category for match in matches}
        shown = [match for category in self.rules for match in _pick_first(matches, category)]
        evidence = [
            Evidence(what=match.text[:MAX_SHOWN_LENGTH], detail=match.category, span=match.span) for match in shown
        ]
        scores = {category: float(category in matched) for category in self.rules}
        return SignalResult.of(scores, evidence, detector="text-rules", version=self._version)

    @cached_property
    def _matcher(self) -> TextMatcher:
        return TextMatcher(self.rules)

    @cached_property
    def _version(self) -> str:
        rules = {category: one.model_dump(mode="json") for category, one in self.rules.items()}
        return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()


def _pick_first(matches: list[TextMatch], category: str) -> list[TextMatch]:
    return [match for match in matches if match.category == category][:MAX_SHOWN]


def fold_text(text: str) -> FoldedText:
    """`clean_text`, case folded, with each run of whitespace as one space: the form in which words are compared."""
    return _fold_cleaned(clean_text(text))


def clean_text(text: str) -> FoldedText:
    """The text without invisible characters and in NFKC, where ﬀ is ff and a fullwidth Ａ is A."""
    if text.isascii():
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


def _fold_cleaned(cleaned: FoldedText) -> FoldedText:
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
    return ord(character) in _INVISIBLE or unicodedata.category(character) == "Cf"


@lru_cache(maxsize=10_000)
def _is_composing(character: str) -> bool:
    """Whether NFKC may join it to the character before it."""
    return unicodedata.category(character).startswith("M") or _is_in_ranges(character, _COMPOSING)


@lru_cache(maxsize=10_000)
def _is_word_part(character: str) -> bool:
    """Whether two such characters side by side belong to one word."""
    is_word_like = character.isalnum() or character == "_" or unicodedata.category(character).startswith("M")
    return is_word_like and not _is_in_ranges(character, _UNSPACED)


def _is_in_ranges(character: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= ord(character) <= last for first, last in ranges)


def _compile_pattern(pattern: str) -> "re2._Regexp":
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)
