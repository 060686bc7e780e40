"""Joins lines to running text and cleans it: line ends mean nothing within a paragraph."""

import unicodedata
from collections.abc import Iterable

from pipelines.documents.struck_text import STRUCK_BEGIN, STRUCK_END
from pipelines.documents.types import DocumentLine

_HYPHENS = "-\u00ad\u2010"


def line_height(line: DocumentLine) -> float:
    """Height of the text itself, even if it lies on its side."""
    if line.polygon is None:
        return line.box[3] - line.box[1]
    (x0, y0), (x3, y3) = line.polygon[0], line.polygon[3]
    return float(((x3 - x0) ** 2 + (y3 - y0) ** 2) ** 0.5)


def join_lines(lines: Iterable[str]) -> str:
    """One paragraph: hyphenated words are rejoined, and scripts without spaces get none."""
    text = ""
    for line in (clean_text(one) for one in lines):
        if not text or not line:
            text = text or line
        elif _ends_in_hyphen(text) and line[0].islower():
            text = text[:-1] + line
        elif _is_wide(text[-1]) and _is_wide(line[0]):
            text += line
        else:
            text += f" {line}"
    return text


def clean_text(text: str) -> str:
    """One line without characters that are no text: controls, private use, lone surrogates."""
    kept = (" " if character.isspace() else character for character in text if not _is_removed(character))
    return " ".join("".join(kept).split())


def _ends_in_hyphen(text: str) -> bool:
    """After at least two letters or digits."""
    return len(text) > 2 and text[-1] in _HYPHENS and text[-3:-1].replace("_", "a").isalnum()


def _is_removed(character: str) -> bool:
    """Bidirectional controls are removed, too: they could make text look like other text."""
    if character in (STRUCK_BEGIN, STRUCK_END):
        return False
    category = unicodedata.category(character)
    is_bidirectional = "\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069"
    return is_bidirectional or (category in ("Cc", "Cs", "Co", "Cn") and not character.isspace())


def _is_wide(character: str) -> bool:
    """True of Chinese and Japanese characters; Korean has spaces."""
    return unicodedata.east_asian_width(character) in "WF" and not "\uac00" <= character <= "\ud7a3"
