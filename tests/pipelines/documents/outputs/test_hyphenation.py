"""Hyphens at line ends: which belong to their word, and which only break it."""

import pytest

from pipelines.documents.outputs.hyphenation import WordForms, join_at_hyphen
from pipelines.documents.outputs.markdown import to_markdown
from tests.pipelines.documents.outputs.sample_documents import make_document, make_page, make_region


@pytest.mark.parametrize(
    ("before", "after", "joined"),
    [
        ("a cost-", "benefit study", "a cost-benefit study"),
        ("the vice-", "president.", "the vice-president."),
        ("state-of-the-", "art pumps", "state-of-the-art pumps"),
        ("a non-", "return valve", "a non-return valve"),
        ("the Anglo-", "American firm", "the Anglo-American firm"),
        ("Model X-", "200 and", "Model X-200 and"),
        ("an e-", "mail from", "an e-mail from"),
        ("pages 12-", "15 of", "pages 12-15 of"),
        ("https://example.org/pump-", "stations/x.html", "https://example.org/pump-stations/x.html"),
        ("twenty-", "three days", "twenty-three days"),
        ("the infor-", "mation", "the information"),
        ("the remain-", "der is", "the remainder is"),
        ("an up-", "date", "an update"),
        ("INFOR-", "MATION", "INFORMATION"),
        ("Po-", "litikwissenschaft", "Politikwissenschaft"),
        ("Wert\u00ad", "papiere", "Wertpapiere"),
        ("Ein-", "und Ausgabe", "Ein- und Ausgabe"),
        ("the sum -", "as said", "the sum - as said"),
        ("-----BEGIN KEY-----", "pKvURIxJVi2C", "-----BEGIN KEY----- pKvURIxJVi2C"),
    ],
)
def test_a_hyphen_stays_where_it_belongs_to_the_word(before: str, after: str, joined: str) -> None:
    assert join_at_hyphen(before, after, WordForms()) == joined


def test_the_documents_own_spelling_decides() -> None:
    forms = WordForms.of_lines(["the hydro-dynamic model and the costbenefit study"])

    assert join_at_hyphen("a hydro-", "dynamic model", forms) == "a hydro-dynamic model"
    assert join_at_hyphen("a cost-", "benefit study", forms) == "a costbenefit study"


def test_soft_hyphens_within_words_vanish() -> None:
    text = to_markdown(make_document(make_page(make_region("text", "ein Wert\u00adpapier\u00adindex"))))

    assert text.endswith("ein Wertpapierindex\n")


def test_a_word_broken_over_pages_is_joined() -> None:
    first = make_page(make_region("text", "report on the environ-"), make_region("footer", "Page 1"))
    second = make_page(make_region("header", "Report"), make_region("text", "ment every spring"), number=2)

    text = to_markdown(make_document(first, second))

    assert "report on the environment\n" in text
    assert "\nevery spring\n" in text
