"""Word lists and patterns per category, found in a text that tries to hide them; spans are those of the text as given.

    text ─► invisible characters out, NFKC ─► patterns
                                            └► case folded, runs of whitespace one space ─► words

Everything is linear in the text: patterns are RE2's, words are looked up by their first two characters and length.
"""

import hashlib
import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from typing import Annotated

import re2
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from pipelines.moderation.types import Evidence, SignalResult

# Of one pattern: RE2 is linear for each match, but each search for the next one may run to the end of the text.
MOST_MATCHES = 100
MOST_SHOWN = 20  # matches that become evidence, per category
LONGEST_SHOWN = 100  # characters of a match that become evidence

# Category Cf aside: fillers and variation selectors, which show nothing either.
_INVISIBLE = {0x034F, 0x115F, 0x1160, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
# Scripts without spaces between words, and Hangul, whose particles stick to them: a word may begin anywhere.
_UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0x9FFF), (0xA960, 0xA97F), (0xAC00, 0xFAFF),
             (0x1100, 0x11FF), (0x20000, 0x3FFFF))  # fmt: skip
LONGEST_RUN = 32  # a character and its marks; no language needs more, and sorting marks takes quadratic time
# These compose with what stands before them although they are no marks: vowels and finals of Hangul, halfwidth forms.
_COMPOSING = ((0x1160, 0x11FF), (0xFF9E, 0xFFDC))


def _word(given: str) -> str:
    if not fold(given).text.strip():
        raise ValueError(f"{given!r} has no visible characters")
    return given


def _pattern(given: str) -> str:
    try:
        compiled = _compiled(given)
    except re2.error as cause:
        reason = cause.args[0].decode(errors="replace") if isinstance(cause.args[0], bytes) else cause
        raise ValueError(f"{given!r} is no RE2 pattern: {reason}") from cause
    if compiled.search(""):
        raise ValueError(f"{given!r} matches the empty text, that is, every text")
    return given


class TextRules(BaseModel):
    """What makes a text belong to one category."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: tuple[Annotated[str, AfterValidator(_word)], ...] = Field(
        default=(), description="whole words or phrases; case, width, accents' encoding and invisible characters aside"
    )
    patterns: tuple[Annotated[str, AfterValidator(_pattern)], ...] = Field(
        default=(), description="RE2 syntax; case matters unless the pattern begins with (?i)"
    )


@dataclass(frozen=True, slots=True)
class TextMatch:
    """`rule` is the word or pattern as it stands in the rules; `text` is what `span` covers in the text as given."""

    category: str
    rule: str
    span: tuple[int, int]
    text: str


@dataclass(frozen=True, slots=True)
class Folded:
    """A text and, for each of its characters, the span of the original that it came from."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def original(self, start: int, end: int) -> tuple[int, int]:
        return self.starts[start], self.ends[end - 1]


class TextMatcher:
    """Compiled rules: 1.5 ms for a text of 2,000 characters and 10,000 words, and .01 ms more for each pattern."""

    def __init__(self, rules: Mapping[str, TextRules]) -> None:
        self._words: dict[str, list[tuple[str, str]]] = {}
        for category, one in rules.items():
            for word in one.words:
                self._words.setdefault(fold(word).text.strip(), []).append((category, word))
        lengths: dict[str, set[int]] = {}
        for folded in self._words:
            lengths.setdefault(folded[:2], set()).add(len(folded))
        self._lengths = {head: tuple(sorted(found)) for head, found in lengths.items()}
        self._patterns = [
            (category, pattern, _compiled(pattern)) for category, one in rules.items() for pattern in one.patterns
        ]

    def find(self, text: str) -> list[TextMatch]:
        """The matches, overlapping ones included, in the order of their spans; of a pattern at most MOST_MATCHES."""
        cleaned = clean(text)
        found = {*self._find_words(text, cleaned), *self._find_patterns(text, cleaned)}
        return sorted(found, key=lambda match: (match.span, match.category, match.rule))

    def _find_words(self, text: str, cleaned: Folded) -> Iterator[TextMatch]:
        folded = _folded(cleaned)
        joins = [_joins(character) for character in folded.text]
        for start in range(len(folded.text)):
            if start and joins[start - 1] and joins[start]:
                continue
            for end in self._ends(folded.text, start):
                if end < len(joins) and joins[end - 1] and joins[end]:
                    continue
                span = folded.original(start, end)
                for category, word in self._words.get(folded.text[start:end], ()):
                    yield TextMatch(category, word, span, text[slice(*span)])

    def _ends(self, text: str, start: int) -> Iterator[int]:
        """Where a word that begins at `start` could end."""
        for head in {text[start], text[start : start + 2]}:
            for length in self._lengths.get(head, ()):
                if start + length <= len(text):
                    yield start + length

    def _find_patterns(self, text: str, cleaned: Folded) -> Iterator[TextMatch]:
        searched = cleaned.text.encode("utf-8", "replace").decode()  # lone surrogates are nothing that RE2 could take
        for category, pattern, compiled in self._patterns:
            for match in islice(compiled.finditer(searched), MOST_MATCHES):
                if match.start() < match.end():
                    span = cleaned.original(match.start(), match.end())
                    yield TextMatch(category, pattern, span, text[slice(*span)])


@dataclass(frozen=True)
class TextSignal:
    """Signal "text": a score of 1 for each category of which something was found, else 0."""

    rules: Mapping[str, TextRules]
    name: str = "text"

    def read_text(self, text: str) -> SignalResult:
        found = self._matcher.find(text)
        matched = {match.category for match in found}
        shown = [match for category in self.rules for match in _first(found, category)]
        evidence = [
            Evidence(what=match.text[:LONGEST_SHOWN], detail=match.category, span=match.span) for match in shown
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


def _first(found: list[TextMatch], category: str) -> list[TextMatch]:
    return [match for match in found if match.category == category][:MOST_SHOWN]


def fold(text: str) -> Folded:
    """`clean`, case folded, each run of whitespace one space: what words are compared in."""
    return _folded(clean(text))


def clean(text: str) -> Folded:
    """The text without invisible characters in NFKC, where ﬀ is ff and a fullwidth Ａ is A."""
    if text.isascii():
        return Folded(text, range(len(text)), range(1, len(text) + 1))
    characters, starts, ends = list[str](), list[int](), list[int]()
    for start, end, visible in _composing_runs(text):
        composed = unicodedata.normalize("NFKC", visible)
        characters.append(composed)
        starts += [start] * len(composed)
        ends += [end] * len(composed)
    return Folded("".join(characters), starts, ends)


def _composing_runs(text: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and visible characters of each stretch that NFKC looks at as one: a character and its marks."""
    start, run = 0, ""
    for at, character in enumerate(text):
        if _is_invisible(character):
            continue
        if run and (len(run) == LONGEST_RUN or not _composes(character)):
            yield start, at, run
            run = ""
        if not run:
            start = at
        run += character
    if run:
        yield start, len(text), run


def _folded(cleaned: Folded) -> Folded:
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
    return Folded("".join(characters), starts, ends)


@lru_cache(maxsize=10_000)
def _is_invisible(character: str) -> bool:
    return ord(character) in _INVISIBLE or unicodedata.category(character) == "Cf"


@lru_cache(maxsize=10_000)
def _composes(character: str) -> bool:
    """Whether NFKC may join it to what stands before it."""
    return unicodedata.category(character).startswith("M") or _within(character, _COMPOSING)


@lru_cache(maxsize=10_000)
def _joins(character: str) -> bool:
    """Whether two such characters side by side belong to one word."""
    is_part = character.isalnum() or character == "_" or unicodedata.category(character).startswith("M")
    return is_part and not _within(character, _UNSPACED)


def _within(character: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= ord(character) <= last for first, last in ranges)


def _compiled(pattern: str) -> "re2._Regexp":
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)
