"""Tells codes, hashes and keys from text whose font maps its letters wrongly: both look like no language.

A code is told by its words: long ones, or letters mixed with digits or with capitals inside. A font that counts its
glyphs from another number gives each character the code of another, at one distance. Undoing it gives a language again.
"""

from itertools import pairwise

LONG_CODE = 16  # letters of a word in capitals: sequences of genes and proteins; German words are longer, in small ones
MIN_GROUPS = 3  # of equal length, with hyphens between them, as keys have them
MIN_WORDS, SAMPLE = 8, 600  # words that decide; characters of the text that are looked at
LARGEST_SHIFT = 31  # 29 is usual: glyph 3 is the space
MIN_COMMON, MAX_COMMON = 0.12, 0.03  # share of common words after and before
MIN_DIFFERENT = 3  # of them
# English, German, French, Spanish, Italian, Portuguese and Dutch.
_COMMON_WORDS = """
the of and to in is for that with on as by at from be are was or an this it not have der die und das den von mit ist
im nicht des ein eine für auf dem le la les de des et du en un une est que pour dans el los las del por con una se
para il di che per non sono della do da os em um uma een het van op
"""
_COMMON = frozenset(_COMMON_WORDS.split())


def strip_codes(text: str) -> str:
    """`text` without its codes."""
    return " ".join(word for word in text.split() if not _is_code(word))


def _is_code(word: str) -> bool:
    bare = word.strip(".,;:()[]{}\"'")
    groups = bare.split("-")
    if len(groups) >= MIN_GROUPS and len(groups[0]) > 1 and len({*map(len, groups)}) == 1:
        return True
    letters = [character for character in bare if character.isalpha()]
    has_digits = any(character.isdecimal() for character in bare) and bool(letters)
    turns = sum(before.islower() and after.isupper() for before, after in pairwise(bare))
    is_sequence = len(letters) >= LONG_CODE and len(letters) == len(bare) and bare.isupper()
    return has_digits or turns > 1 or is_sequence


def is_shifted(text: str) -> bool:
    """Whether another distance between codes and characters makes words of it."""
    sample = text[:SAMPLE]
    words = sample.split()
    if len(words) < MIN_WORDS or _share_of_common(words) > MAX_COMMON:
        return False
    shifted = (_shift(sample, shift) for shift in range(-LARGEST_SHIFT, LARGEST_SHIFT + 1) if shift)
    return any(_share_of_common(one) >= MIN_COMMON and len(_find_common(one)) >= MIN_DIFFERENT for one in shifted)


def _shift(text: str, shift: int) -> list[str]:
    return "".join(one if one.isspace() else chr(min(max(ord(one) + shift, 0x20), 0x10FFFF)) for one in text).split()


def _share_of_common(words: list[str]) -> float:
    return sum(_strip(word) in _COMMON for word in words) / max(len(words), 1)


def _find_common(words: list[str]) -> frozenset[str]:
    return _COMMON.intersection(map(_strip, words))


def _strip(word: str) -> str:
    return word.strip(".,;:()").lower()
