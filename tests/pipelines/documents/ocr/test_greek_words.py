"""Words in Greek capitals have no Latin letters."""

import pytest

from pipelines.documents.ocr.greek_words import unify_greek


@pytest.mark.parametrize("word", ["APΘPO", "AIAΣ.", "ΣOΦOKΛEOYΣ", "(EΛΛAΣ)"])
def test_look_alikes_in_greek_words_are_greek(word: str) -> None:
    assert not any(one.isascii() and one.isalpha() for one in unify_greek(word))


@pytest.mark.parametrize("word", ["MΩ", "ΔE", "cosΘ", "AJAX", "TOTAL", "10kΩ", "ΔTmax", "Ελλάδα", "ΣA"])
def test_other_words_stay(word: str) -> None:
    assert unify_greek(word) == word
