"""Decides which of a PDF page's characters are the text that people see on it.

Fonts may map their characters to anything, scanners leave their own OCR behind the picture, and pages may hide words.
If there is too much of that, the page is read by OCR; if it is one font or a few words, only these are.
"""

import unicodedata
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from pipelines.documents.pdf.code_text import is_shifted, strip_codes
from pipelines.documents.pdf.page_characters import PageCharacters
from pipelines.linear_patterns import compile_text

MIN_CHARACTERS = 20  # from which shares mean something
MIN_LETTERS = 120  # from which statistics of letters do

MAX_UNREADABLE = 0.05  # share of placeholders
MAX_UNREADABLE_OF_FONT = 0.3  # of U+FFFD, private use, controls and characters without Unicode: the font maps wrongly
MAX_GARBLED = 0.3  # share of the page's characters: the page is read by OCR
MAX_HIDDEN = 0.5  # share of text that is not painted, or painted over
MIN_ALPHANUMERIC = 0.5  # share of letters and digits; leaders of tables of contents do not count
# The eight letters are about 63 % of English, German or French and over 52 % of all languages in Latin script that
# checked; of text whose letters were exchanged for others they are about 31 %.
FREQUENT_LETTERS, MIN_FREQUENT = frozenset("eaiontrs"), 0.45
MAX_ACCENTED = 0.25  # share of Latin-1's accented letters: more is another script's bytes. Pinyin's others do not count

# Written by extractors and producers in place of characters without Unicode.
_PLACEHOLDERS = compile_text(r"\(cid:\d+\)|/?GLYPH<?[\w#]+>?|/g\d{1,5}\b|\\u[0-9a-f]{4}")
_LEADERS = frozenset("._-…·•")


def find_distrust_reason(characters: PageCharacters, garbled: NDArray[np.bool_] | None = None) -> str | None:
    """Why the page's text cannot be trusted; None if it can, or if there is none. `garbled` as `find_garbled` gives."""
    if characters.too_many:
        return "too many characters"
    visible = ~_is_space(characters)
    if (count := int(visible.sum())) < MIN_CHARACTERS:
        return None
    if (characters.invisible & visible).sum() > MAX_HIDDEN * count:
        return "most of it is invisible"
    if (characters.covered & visible).sum() > MAX_HIDDEN * count:
        return "most of it is under an image"
    unreadable = _find_unreadable(characters)
    if (unreadable & visible).sum() > MAX_GARBLED * count:
        return "its font maps to no readable characters"
    reason = find_non_language_reason(_read_text(characters, ~unreadable))
    if reason is not None:
        return reason
    garbled = find_garbled(characters) if garbled is None else garbled
    return "its fonts map to the wrong characters" if (garbled & visible).sum() > MAX_GARBLED * count else None


def find_garbled(characters: PageCharacters) -> NDArray[np.bool_]:
    """Which characters say nothing, or belong to a font that maps its characters wrongly."""
    visible, garbled = ~_is_space(characters), _find_unreadable(characters)
    for font in np.unique(characters.fonts[visible]).tolist():
        own = visible & (characters.fonts == font)
        count = int(own.sum())
        if count < MIN_CHARACTERS:
            continue
        is_unmapped = (garbled & own).sum() > MAX_UNREADABLE_OF_FONT * count
        if is_unmapped or _is_garbled(_read_text(characters, ~garbled & (characters.fonts == font))):
            garbled |= own
    return garbled


def _is_garbled(text: str) -> bool:
    return is_shifted(text) or find_non_language_reason(text) is not None


def _find_unreadable(characters: PageCharacters) -> NDArray[np.bool_]:
    codes = characters.codes
    return characters.unmapped | np.isin(codes, [code for code in set(codes.tolist()) if is_unreadable(code)])


def _read_text(characters: PageCharacters, readable: NDArray[np.bool_]) -> str:
    """All characters, those that are not readable as spaces."""
    return "".join(map(chr, np.where(readable, characters.codes, 0x20).tolist()))


def find_non_language_reason(text: str) -> str | None:
    """Why `text` cannot be in any language; None if it may be, or is too short to tell."""
    text, placeholders = _PLACEHOLDERS.subn("", text)
    visible = [character for character in text if not character.isspace() and character not in _LEADERS]
    if placeholders > MAX_UNREADABLE * max(len(visible), MIN_CHARACTERS):
        return "it is made of placeholders"
    if len(visible) >= MIN_LETTERS and sum(map(str.isalnum, visible)) < MIN_ALPHANUMERIC * len(visible):
        return "most of it is neither letters nor digits"
    reason = _find_letter_reason(visible)
    return reason and _find_letter_reason(list(strip_codes(text)))  # codes are in no language


def _find_letter_reason(text: list[str]) -> str | None:
    letters = Counter(character.lower() for character in text if character.isalpha() and ord(character) < 0x250)
    latin = sum(letters.values())
    if latin < max(MIN_LETTERS, sum(map(str.isalpha, text)) // 2):
        return None
    if sum(number for letter, number in letters.items() if "z" < letter <= "\xff") > MAX_ACCENTED * latin:
        return "too many of its letters have accents"
    plain = Counter[str]()
    for letter, number in letters.items():
        plain[unicodedata.normalize("NFD", letter)[0]] += number
    if sum(plain[letter] for letter in FREQUENT_LETTERS) < MIN_FREQUENT * latin:
        return "its letters are those of no language"
    return None


def is_unreadable(code: int) -> bool:
    """True of U+FFFD, private use, controls and surrogates; 2 is PDFium's mark for a hyphen at a line's end."""
    if code in (0x2, 0x9, 0xA, 0xD):
        return False
    return code == 0xFFFD or code > 0x10FFFF or unicodedata.category(chr(code)) in ("Cc", "Co", "Cs", "Cn")


def _is_space(characters: PageCharacters) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    spaces = [code for code in set(characters.codes.tolist()) if code <= 0x10FFFF and chr(code).isspace()]
    return np.isin(characters.codes, spaces)
