"""One form for all the ways in which a phrase can be written, so that rules and texts meet in it.

    text ─► without invisible characters, NFKC ─► case folded ─► look-alike letters ─► without accents

Beyond ASCII the result has letters and digits only: other signs become spaces or full stops. So patterns need no
classes of Unicode, which take RE2 a hundred times as long to compile.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from pipelines.linear_patterns import compile_text
from pipelines.moderation.folding import FoldedText, clean_text

# Letters of other scripts that look like Latin ones, after case folding (from Unicode's confusables.txt, UTS 39).
_CYRILLIC = str.maketrans("авекмнорстухіјѕԁһԛԝ", "abekmhopctyxijsdhqw")
_GREEK = str.maketrans("αβεικνορτυχ", "abeiknoptux")
_TO_LATIN = {**_CYRILLIC, **_GREEK}
_TO_CYRILLIC = str.maketrans("abekmhopctyx", "авекмнорстух")

_LATIN, _OTHER = frozenset("abcdefghijklmnopqrstuvwxyz"), frozenset(map(chr, _TO_LATIN))
_UNACCENTED = _LATIN | {"е"}  # the bases whose accents do not matter: not those of й, が and Arabic letters
_SENTENCE_ENDS = frozenset("。｡…‽؟।")

_WORD = compile_text(r"\w+")

# How OCR reads AI, IA and KI. Not letter by letter, as in longer words: that would make the Spanish "la" of "IA". Al is
# also a name and a Spanish word, but not with these words around it.
_MISREAD = compile_text(
    r"\b(?:lA|Kl|(?:[Aa]ny?|[Tt]he|[Tt]his)\s+Al|Al\s+(?:model|assistant|agent|system|reviewer)s?)\b"
)
_BROKEN = compile_text(r"[a-z](-\s*\n\s*)[a-z]")


def list_readings(text: str) -> Iterator[FoldedText]:
    """The text as rules compare it; again with abbreviations that OCR misread, and without hyphens at line ends.

    Either can be wrong for another phrase of the text, so each reading counts beside the first.
    """
    normal = normalise(text)
    yield normal
    encodable = text.encode("utf-8", "replace").decode()  # RE2 takes no lone surrogates; one becomes one character
    if _MISREAD.search(encodable):
        yield normalise(_MISREAD.sub(lambda found: _restore_abbreviation(found.group()), encodable))
    if "-" in normal.text and _BROKEN.search(normal.text):
        yield _rejoin_words(normal)


def _restore_abbreviation(words: str) -> str:
    return words.replace("Al", "AI").replace("lA", "IA").replace("Kl", "KI")


def _rejoin_words(normal: FoldedText) -> FoldedText:
    kept, at = list[int](), 0
    for found in _BROKEN.finditer(normal.text):
        kept += range(at, found.start(1))
        at = found.end(1)
    kept += range(at, len(normal.text))
    return FoldedText(
        "".join(normal.text[place] for place in kept),
        [normal.starts[place] for place in kept],
        [normal.ends[place] for place in kept],
    )


def normalise(text: str) -> FoldedText:
    """The text as rules compare it; linear in its length: .4 ms for 1,000 characters, next to nothing for ASCII."""
    if text.isascii():
        return FoldedText(text.lower(), range(len(text)), range(1, len(text) + 1))
    cleaned = clean_text(text)
    characters, starts, ends = list[str](), list[int](), list[int]()
    for character, start, end in zip(cleaned.text, cleaned.starts, cleaned.ends, strict=True):
        for part in _fold_character(character):
            characters.append(part)
            starts.append(start)
            ends.append(end)
    return FoldedText(_unify_scripts("".join(characters)), starts, ends)


@lru_cache(maxsize=10_000)
def _fold_character(character: str) -> str:
    if 0xD800 <= ord(character) <= 0xDFFF:  # a lone surrogate, which RE2 does not take
        return " "
    return "".join(map(_fold_part, character.casefold()))


def _fold_part(character: str) -> str:
    if not character.isascii() and not (character.isalnum() or unicodedata.category(character).startswith("M")):
        return "." if character in _SENTENCE_ENDS else " "
    base = unicodedata.normalize("NFD", character)[0]
    return base if base in _UNACCENTED else character


def _unify_scripts(text: str) -> str:
    """The text, with each word that mixes scripts in the one that all of its letters have; lengths stay."""
    if _OTHER.isdisjoint(text):
        return text
    parts, at = list[str](), 0
    for word in _WORD.finditer(text):
        parts += text[at : word.start()], _unify_word(word.group())
        at = word.end()
    return "".join([*parts, text[at:]])


def _unify_word(word: str) -> str:
    letters = frozenset(filter(str.isalpha, word))
    if letters.isdisjoint(_LATIN) or letters <= _LATIN:
        return word
    return word.translate(_TO_LATIN if letters - _LATIN <= _OTHER else _TO_CYRILLIC)
