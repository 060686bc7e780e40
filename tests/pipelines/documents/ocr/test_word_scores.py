"""Scores of words: the worst character decides, and what may be missing counts."""

from pipelines.documents.ocr.ctc import Character
from pipelines.documents.ocr.word_scores import WordEvidence, score_word


def score(*peaks: float, rival: float = 0.0, unread: float = 0.0, line: float = 0.99) -> float:
    characters = [Character("a", 0.5, peak, 0.0, peak, rival) for peak in peaks]
    return score_word(WordEvidence.of(characters, line, unread))


def test_a_word_of_sure_characters_is_sure() -> None:
    assert score(1.0, 1.0, 1.0) > 0.98


def test_one_doubtful_character_makes_a_word_doubtful() -> None:
    assert score(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.6) < 0.8


def test_further_sure_characters_change_nothing() -> None:
    assert score(0.9) == score(0.9, 1.0, 1.0)


def test_a_character_that_was_perhaps_passed_over_lowers_the_score() -> None:
    assert score(1.0, 1.0, rival=0.4) < 0.9


def test_ink_as_wide_as_a_letter_without_one_lowers_the_score() -> None:
    assert score(1.0, 1.0, unread=0.4) < 0.6


def test_certainty_is_never_whole() -> None:
    assert score(1.0, line=1.0) < 1.0
    assert score(0.0, line=0.0) > 0.0
