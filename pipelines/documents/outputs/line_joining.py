"""Joins lines to running text and cleans it: line ends mean nothing within a paragraph."""

import unicodedata
from collections.abc import Iterable

from pipelines.documents.outputs.hyphenation import HYPHENS, SOFT_HYPHEN, WordForms, join_at_hyphen
from pipelines.documents.struck_text import STRUCK_BEGIN, STRUCK_END
from pipelines.documents.types import DocumentLine
from pipelines.linear_patterns import compile_text

_LEADERS = compile_text(r"[.·…](?:\s?[.·…]){4,}")


def line_height(line: DocumentLine) -> float:
    """Height of the text itself, even if it lies on its side."""
    if line.polygon is None:
        return line.box[3] - line.box[1]
    (x0, y0), (x3, y3) = line.polygon[0], line.polygon[3]
    return float(((x3 - x0) ** 2 + (y3 - y0) ** 2) ** 0.5)


def join_lines(lines: Iterable[str], forms: WordForms | None = None) -> str:
    """One paragraph: hyphenated words are rejoined, and scripts without spaces get none.

    `forms` tells how the document writes words that stand broken at line ends.
    """
    text, known = "", forms or WordForms()
    for line in (clean_text(one, keep_last_hyphen=True) for one in lines):
        if text.endswith(STRUCK_END) and line.startswith(STRUCK_BEGIN):
            text, line = text[:-1], line[1:]  # one passage
        if not text or not line:
            text = text or line
        elif text[-1] in HYPHENS:
            text = join_at_hyphen(text, line, known)
        elif _is_wide(text[-1]) and _is_wide(line[0]):
            text += line
        else:
            text += f" {line}"
    return text.rstrip(SOFT_HYPHEN)


def clean_text(text: str, *, keep_last_hyphen: bool = False) -> str:
    """One line without characters that are no text: controls, private use, lone surrogates, soft hyphens.

    With `keep_last_hyphen` a soft hyphen at the end stays: the word goes on in the next line.
    """
    kept = (" " if character.isspace() else character for character in text if not _is_removed(character))
    cleaned = " ".join("".join(kept).split())
    end = SOFT_HYPHEN if keep_last_hyphen and cleaned.endswith(SOFT_HYPHEN) else ""
    return cleaned.replace(SOFT_HYPHEN, "") + end


def shorten_leaders(text: str) -> str:
    """Runs of at least five dots, as in tables of contents and forms, become three: they carry nothing."""
    return " ".join(_LEADERS.sub(" ... ", text).split())


def clean_code(text: str) -> str:
    """`clean_text` of each line, with its spaces kept."""
    kept = ("".join(" " if one == "\t" else one for one in line if not _is_removed(one)) for line in text.split("\n"))
    return "\n".join(line.rstrip() for line in kept)


def _is_removed(character: str) -> bool:
    """Bidirectional controls are removed, too: they could make text look like other text."""
    if character in (STRUCK_BEGIN, STRUCK_END):
        return False
    category = unicodedata.category(character)
    is_bidirectional = "\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069"
    return is_bidirectional or (category in ("Cc", "Cs", "Co", "Cn") and not character.isspace())


def _is_wide(character: str) -> bool:
    """True of Chinese and Japanese characters; Korean has spaces, and the marks of struck words need some."""
    if character in (STRUCK_BEGIN, STRUCK_END):
        return False
    return unicodedata.east_asian_width(character) in "WF" and not "\uac00" <= character <= "\ud7a3"
