"""Lines to running text: where lines end says nothing once they stand in a paragraph."""

import re
import unicodedata
from collections.abc import Iterable

from pipelines.documents.types import Line

_HYPHENATED = re.compile(r"\w\w[-\u00ad\u2010]$")


def height_of(line: Line) -> float:
    """Of the text itself, also where it lies on its side."""
    if line.polygon is None:
        return line.box[3] - line.box[1]
    (x0, y0), (x3, y3) = line.polygon[0], line.polygon[3]
    return float(((x3 - x0) ** 2 + (y3 - y0) ** 2) ** 0.5)


def joined(lines: Iterable[str]) -> str:
    """One paragraph: words that were divided are whole again, scripts without spaces get none."""
    text = ""
    for line in (clean(one) for one in lines):
        if not text or not line:
            text = text or line
        elif _HYPHENATED.search(text) and line[0].islower():
            text = text[:-1] + line
        elif _is_wide(text[-1]) and _is_wide(line[0]):
            text += line
        else:
            text += f" {line}"
    return text


def clean(text: str) -> str:
    """On one line, and without characters that are no text: controls, private use, halves of pairs."""
    kept = (" " if character.isspace() else character for character in text if not _is_no_text(character))
    return " ".join("".join(kept).split())


def _is_no_text(character: str) -> bool:
    """Also of marks that turn the direction of what follows: they could make text look like other text."""
    kind = unicodedata.category(character)
    bidirectional = "\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069"
    return bidirectional or (kind in ("Cc", "Cs", "Co", "Cn") and not character.isspace())


def _is_wide(character: str) -> bool:
    """Of Chinese and Japanese; Korean has spaces."""
    return unicodedata.east_asian_width(character) in "WF" and not "\uac00" <= character <= "\ud7a3"
