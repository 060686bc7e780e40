"""Gives words in Greek capitals one script: the recogniser takes letters that look the same for Latin ones."""

_LATIN, _GREEK = "ABEZHIKMNOPTYXo", "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο"
_TO_GREEK = str.maketrans(_LATIN, _GREEK)
_ONLY_GREEK = frozenset("ΓΔΘΛΞΠΣΦΨΩ")  # capitals that no Latin letter looks like
SHORTEST = 4  # letters: MΩ is a unit, ΔE a difference


def unify_greek(word: str) -> str:
    """`APΘPO` with Latin A, P and O as the Greek word; other words as they are."""
    letters = [one for one in word if one.isalpha()]
    if len(letters) < SHORTEST or _ONLY_GREEK.isdisjoint(letters):
        return word
    is_greek = all(one in _LATIN or one in _GREEK or one in _ONLY_GREEK for one in letters)
    return word.translate(_TO_GREEK) if is_greek else word
