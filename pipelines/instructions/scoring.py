"""Finds instructions in a text and scores them.

text ─► normalised, in up to three readings ─► phrases, also in letters that stand apart ─► neighbours add up ─► score
"""

import hashlib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from math import prod
from pathlib import Path

from pipelines.instructions.normalisation import list_readings
from pipelines.instructions.phrase_patterns import (
    SPACED,
    SQUEEZED,
    UNSPACED,
    PhrasePattern,
    compile_language,
    compile_marks,
    unify_variants,
)
from pipelines.linear_patterns import compile_text
from pipelines.moderation.folding import FoldedText

MAX_MATCHES = 20  # of each pattern in a text
MAX_DISTANCE = 300  # characters between phrases that add up
LIKELY = 0.5  # the score from which a text counts as addressing a model

_RULES = Path(__file__).with_name("rules.toml")

# At least six letters, one by one, with up to three other characters between them: "i g n o r e   a l l".
_LETTERS_APART = compile_text(r"(?:^|\W)((?:\w\W{1,3}){5,}\w)(?:$|\W)")


@dataclass(frozen=True, slots=True)
class InstructionMatch:
    """A phrase that addresses a model; `span` counts characters of the text as given."""

    kind: str
    rule: str
    span: tuple[int, int]
    text: str


@dataclass(frozen=True, slots=True)
class InstructionRules:
    """`squeezed` are for words without spaces between them; `version` is the sha256 of the rules' file."""

    strengths: Mapping[str, float]
    patterns: tuple[PhrasePattern, ...]
    squeezed: tuple[PhrasePattern, ...]
    version: str

    def find(self, text: str) -> list[InstructionMatch]:
        """The phrases by their position, overlapping ones included."""
        found = {
            match
            for normal in list_readings(text)
            for match in (*_find_phrases(text, normal, self.patterns), *self._find_apart(text, normal))
        }
        return sorted(found, key=lambda match: (match.span, match.kind, match.rule))

    def _find_apart(self, text: str, normal: FoldedText) -> Iterator[InstructionMatch]:
        for run in islice(_LETTERS_APART.finditer(normal.text), MAX_MATCHES):
            at = [place for place in range(run.start(1), run.end(1)) if normal.text[place].isalnum()]
            letters = FoldedText(
                "".join(normal.text[place] for place in at),
                [normal.starts[place] for place in at],
                [normal.ends[place] for place in at],
            )
            yield from _find_phrases(text, letters, self.squeezed)

    def score(self, matches: Iterable[InstructionMatch]) -> float:
        """The highest of any group of phrases that stand near each other, 0 without any.

        Different kinds in a group add up as independent evidence, 1 - (1 - a)(1 - b); the same kind counts once.
        It is no probability: it orders texts, and .5 is where the figures of docs/instructions.md were measured.
        """
        return max((self._score_group(kinds) for kinds in _group_kinds(matches)), default=0.0)

    def _score_group(self, kinds: frozenset[str]) -> float:
        return 1 - prod(1 - self.strengths[kind] for kind in kinds)

    def find_likely(self, text: str) -> list[InstructionMatch]:
        """The phrases of a text that is likely to address a model; none of other texts."""
        matches = self.find(text)
        return matches if self.score(matches) >= LIKELY else []


@cache
def load_instruction_rules() -> InstructionRules:
    """The built-in rules. The first call takes .1 s; each pattern is compiled when it is needed."""
    content = _RULES.read_bytes()
    written = tomllib.loads(content.decode())
    strengths, template = written.pop("strengths"), written.pop("template")
    languages = [(one, UNSPACED if one.get("has_spaces") is False else SPACED) for one in written.values()]
    return InstructionRules(
        strengths,
        (
            compile_marks(template["marks"]),
            *(pattern for one, spacing in languages for pattern in compile_language(one, spacing)),
        ),
        tuple(
            pattern
            for one, spacing in languages
            if spacing is SPACED
            for pattern in compile_language(one, SQUEEZED)
            if pattern.kind in ("override", "extraction")  # in a row of letters, short words would be found anywhere
        ),
        hashlib.sha256(content).hexdigest(),
    )


def _find_phrases(text: str, normal: FoldedText, patterns: Iterable[PhrasePattern]) -> Iterator[InstructionMatch]:
    unified = unify_variants(normal.text)
    for pattern in patterns:
        if not any(stem in unified for stem in pattern.stems):
            continue
        for match in islice(pattern.compiled.finditer(normal.text), MAX_MATCHES):
            span = normal.get_original_span(*match.span(1))
            yield InstructionMatch(pattern.kind, pattern.written, span, text[slice(*span)])


def _group_kinds(matches: Iterable[InstructionMatch]) -> list[frozenset[str]]:
    """The kinds of each group of phrases without a longer distance between them; `matches` in order."""
    groups, end = list[set[str]](), 0
    for match in matches:
        if not groups or match.span[0] - end > MAX_DISTANCE:
            groups.append(set())
        groups[-1].add(match.kind)
        end = max(end, match.span[1])
    return [frozenset(group) for group in groups]
