"""Decides whether a hyphen at a line's end belongs to the word: `cost-benefit` keeps it, `infor-mation` does not.

The document itself knows best: how does it write the word within a line? Otherwise a small list of English words that
form compounds decides, and the shape of what stands before the hyphen: numbers, single letters and addresses keep it.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipelines.documents.outputs.compound_words import CLOSED, HEADS, TAILS
from pipelines.documents.types import Document

SOFT_HYPHEN = "\u00ad"
HYPHENS = "-\u2010\u2011" + SOFT_HYPHEN

_OUTER = ".,;:!?()[]{}\"'“”‘’„»«*"
_SUSPENDED = frozenset(("and", "or", "to", "und", "oder", "bzw", "sowie", "et", "ou", "y", "o", "e"))  # "Ein- und Aus-"


@dataclass(frozen=True, slots=True)
class WordForms:
    """How often a document writes each word within its lines, in small letters."""

    counts: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, document: Document) -> "WordForms":
        lines = (line.text for page in document.pages for region in page.regions for line in region.lines)
        return cls.of_lines(lines)

    @classmethod
    def of_lines(cls, lines: Iterable[str]) -> "WordForms":
        counts: Counter[str] = Counter()
        for line in lines:
            words = line.split()
            begins_inside = 1 if words and words[0][:1].islower() else 0  # it may be the rest of a word
            ends_inside = 1 if words and words[-1][-1] in HYPHENS else 0
            counts.update(map(_bare, words[begins_inside : len(words) - ends_inside]))
        return cls(counts)


def join_at_hyphen(before: str, after: str, forms: WordForms) -> str:
    """Joins two parts of a text of which the first ends with a hyphen."""
    left, right = before.split(" ")[-1], after.split(" ")[0]
    stem, hyphen = left[:-1], left[-1]
    if hyphen == SOFT_HYPHEN:
        return before[:-1] + after
    if not stem[-1:].isalnum() or not right[:1].isalnum():
        return f"{before} {after}"
    if _bare(right) in _SUSPENDED and right[:1].islower():
        return f"{before} {after}"
    return before + after if _keeps_hyphen(stem, right, forms) else before[:-1] + after


def _keeps_hyphen(stem: str, right: str, forms: WordForms) -> bool:
    is_address = "://" in stem or "@" in stem or stem.startswith("www.") or "/" in stem
    part = stem.rpartition("-")[2].lstrip(_OUTER)
    is_capital = len(part) > 1 and part.isupper() and right.strip(_OUTER).isupper()
    if is_address or len(part) < 2 or any(map(str.isdecimal, stem)) or not (right[0].islower() or is_capital):
        return True
    whole, rest = _bare(stem), _bare(right)
    with_hyphen, joined = forms.counts[f"{whole}-{rest}"], forms.counts[whole + rest]
    if with_hyphen != joined:
        return with_hyphen > joined
    head, tail = part.lower(), rest.split("-")[0].split("/")[0]
    return _is_compound(head, tail) or (head in ("the", "of", "to", "in", "and", "by", "on") and "-" in stem)


def _is_compound(head: str, tail: str) -> bool:
    if head + tail in CLOSED:
        return False
    if head == "non":
        return len(tail) > 3 and not tail.startswith(("sens", "ethe", "chal"))
    if head == "self":
        return tail not in ("ish", "ishly", "ishness", "less", "lessly", "same")
    if head == "well":
        return len(tail) > 3 and tail not in ("ness", "ington", "come")
    return head in HEADS and tail in TAILS


def _bare(word: str) -> str:
    return word.strip(_OUTER).replace(SOFT_HYPHEN, "").replace("\u2010", "-").replace("\u2011", "-").lower()
