"""Whether the text that a PDF page claims to have is the text that people see on it.

Fonts may map their characters to anything, scanners leave text of their own making behind the picture, and
pages may hide words. Where too much of that is found, the page is read by its looks.
"""

import re
import unicodedata
from collections import Counter

import numpy as np

from pipelines.documents.pdf.pdfium_text import Glyphs

FEWEST = 20  # characters from which shares mean something
FEWEST_LETTERS = 120  # from which the statistics of letters do

MOST_UNREADABLE = 0.05  # share of U+FFFD, private use, control characters and of what the font does not map
MOST_HIDDEN = 0.5  # share of text that is not painted, or painted over
LEAST_WORDLIKE = 0.5  # share of letters and digits, dots of tables of contents aside
# The eight letters are about 63 % of English, German or French and over 52 % of all languages in Latin script that
# we looked at; of text whose letters were exchanged for others they are about 31 %.
FREQUENT, LEAST_FREQUENT = frozenset("eaiontrs"), 0.45
MOST_LATIN_1 = 0.25  # share of accented letters among letters: more is another script's bytes read as Latin-1

# What extractors and producers write in place of characters that they have no Unicode for.
_PLACEHOLDERS = re.compile(r"\(cid:\d+\)|/?GLYPH<?[\w#]+>?|/g\d{1,5}\b|\\u[0-9a-f]{4}")
_LEADERS = frozenset("._-…·•")


def why_not(glyphs: Glyphs) -> str | None:
    """Why the page's text is not to be trusted; None where it is, or where there is none."""
    if glyphs.too_many:
        return "too many characters"
    codes, visible = glyphs.codes, ~_is_space(glyphs)
    if (count := int(visible.sum())) < FEWEST:
        return None
    if (glyphs.invisible & visible).sum() > MOST_HIDDEN * count:
        return "most of it is invisible"
    if (glyphs.covered & visible).sum() > MOST_HIDDEN * count:
        return "most of it is under an image"
    unreadable = glyphs.unmapped | np.isin(codes, [code for code in set(codes.tolist()) if is_unreadable(code)])
    if (unreadable & visible).sum() > MOST_UNREADABLE * count:
        return "its font maps to no readable characters"
    return why_no_language("".join(map(chr, np.where(unreadable, 0x20, codes).tolist())))


def why_no_language(text: str) -> str | None:
    """Why `text` can be in no language; None where it may be, or is too short to tell."""
    text, placeholders = _PLACEHOLDERS.subn("", text)
    seen = [character for character in text if not character.isspace() and character not in _LEADERS]
    if placeholders > MOST_UNREADABLE * max(len(seen), FEWEST):
        return "it is made of placeholders"
    if len(seen) >= FEWEST_LETTERS and sum(map(str.isalnum, seen)) < LEAST_WORDLIKE * len(seen):
        return "most of it is neither letters nor digits"
    letters = Counter(character.lower() for character in seen if character.isalpha() and ord(character) < 0x250)
    latin = sum(letters.values())
    if latin < max(FEWEST_LETTERS, sum(map(str.isalpha, seen)) // 2):
        return None
    if sum(number for letter, number in letters.items() if letter > "z") > MOST_LATIN_1 * latin:
        return "too many of its letters have accents"
    plain = Counter[str]()
    for letter, number in letters.items():
        plain[unicodedata.normalize("NFD", letter)[0]] += number
    if sum(plain[letter] for letter in FREQUENT) < LEAST_FREQUENT * latin:
        return "its letters are those of no language"
    return None


def is_unreadable(code: int) -> bool:
    """Of U+FFFD, private use, control characters and surrogates; 2 is how PDFium writes a hyphen at a line's end."""
    if code in (0x2, 0x9, 0xA, 0xD):
        return False
    return code == 0xFFFD or code > 0x10FFFF or unicodedata.category(chr(code)) in ("Cc", "Co", "Cs", "Cn")


def _is_space(glyphs: Glyphs) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    spaces = [code for code in set(glyphs.codes.tolist()) if code <= 0x10FFFF and chr(code).isspace()]
    return np.isin(glyphs.codes, spaces)
