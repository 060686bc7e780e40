"""Scripts that Tesseract reads: the trained data for each, and how its letters are told."""

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

# A script's name in Tesseract's data, how Unicode begins the names of its letters, and the languages written in it.
_SCRIPTS: tuple[tuple[str, str, str], ...] = (
    ("Cyrillic", "CYRILLIC", "rus ukr bel bul srp mkd kaz kir mon tgk tat uzb_cyrl aze_cyrl"),
    ("Greek", "GREEK", "ell grc"),
    ("Arabic", "ARABIC", "ara fas urd pus snd uig kur_ara"),
    ("Hebrew", "HEBREW", "heb yid"),
    ("Devanagari", "DEVANAGARI", "hin mar nep san"),
    ("Bengali", "BENGALI", "ben asm"),
    ("Gurmukhi", "GURMUKHI", "pan"),
    ("Gujarati", "GUJARATI", "guj"),
    ("Tamil", "TAMIL", "tam"),
    ("Telugu", "TELUGU", "tel"),
    ("Kannada", "KANNADA", "kan"),
    ("Malayalam", "MALAYALAM", "mal"),
    ("Sinhala", "SINHALA", "sin"),
    ("Thai", "THAI", "tha"),
    ("Lao", "LAO", "lao"),
    ("Khmer", "KHMER", "khm"),
    ("Myanmar", "MYANMAR", "mya"),
    ("Georgian", "GEORGIAN", "kat"),
    ("Armenian", "ARMENIAN", "hye"),
    ("Ethiopic", "ETHIOPIC", "amh tir"),
    ("Hangul", "HANGUL", "kor"),
    ("Vietnamese", "LATIN", "vie"),
)

# Scripts whose words Tesseract cuts to syllables: the smallest space between two words, in heights of a line's crop. On
# pages in Korean and Thai, syllables stand up to .17 and .23 apart, words from .21 and .25.
_PIECE_GAPS = {"Hangul": 0.2, "Thai": 0.24, "Lao": 0.24, "Khmer": 0.24, "Myanmar": 0.24}

NO_READERS = frozenset({"osd", "equ", "snum"})  # data that Tesseract lists, and that read no text


@dataclass(frozen=True, slots=True)
class Alphabet:
    """`data` are the names of Tesseract's trained data; `letters` is how Unicode begins the names of the letters."""

    script: str
    letters: str
    data: tuple[str, ...]

    @property
    def piece_gap(self) -> float:
        """Nearer than this, in heights of a line, two words are one; 0 where words come whole."""
        return _PIECE_GAPS.get(self.script, 0.0)

    def share_of(self, text: str) -> float:
        """Of the letters in `text`, how many are of this script; 0 without letters."""
        letters = [one for one in text if one.isalpha()]
        own = sum(unicodedata.name(one, "").startswith(self.letters) for one in letters)
        return own / len(letters) if letters else 0.0


def group_by_script(installed: Collection[str]) -> tuple[Alphabet, ...]:
    """The scripts that the installed data read: by the data of the script, else by those of its languages."""
    found = []
    for script, letters, languages in _SCRIPTS:
        own = [script] if script in installed else [one for one in languages.split() if one in installed]
        if own:
            found.append(Alphabet(script, letters, tuple(own)))
    return tuple(found)
