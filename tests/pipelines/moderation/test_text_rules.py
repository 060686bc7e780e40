"""Word lists and patterns: which spellings match, where a word ends, and spans in the text as given."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipelines.moderation.folding import MAX_RUN, clean_text
from pipelines.moderation.text_rules import (
    MAX_MATCHES,
    MAX_SHOWN,
    MAX_SHOWN_LENGTH,
    TextMatch,
    TextMatcher,
    TextRules,
    TextSignal,
)


def find_words(text: str, *words: str) -> list[str]:
    """The parts of the text that matches of the words cover."""
    return [text[slice(*match.span)] for match in TextMatcher({"list": TextRules(words=words)}).find(text)]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("no SPAM here", "spam"),
        ("no spam here", "SPAM"),
        ("ｓｐａｍ", "spam"),
        ("s\u200bp\u00ada\u2060m", "spam"),
        ("oﬃce", "office"),
        ("cafe\u0301", "café"),
        ("caf\u200de\u0301", "café"),
        ("STRAẞE", "strasse"),
        ("buy \n\t now", "buy  now"),
        ("buy\u3000now", "buy now"),
        ("\u1112\u1161\u11ab", "한"),
        ("100 % off!", "100 % OFF"),
        ("$$$", "$$$"),
    ],
)
def test_a_word_is_found_however_it_is_written(text: str, word: str) -> None:
    assert len(find_words(text, word)) == 1


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Scunthorpe", "thorp"),
        ("grapes", "rape"),
        ("rape5", "rape"),
        ("un_rape", "rape"),
        ("हिन्दी", "हिन्"),
        ("buynow", "buy now"),
    ],
)
def test_a_part_of_a_word_does_not_match(text: str, word: str) -> None:
    assert find_words(text, word) == []


@pytest.mark.parametrize(("text", "word"), [("我赌博了", "赌博"), ("도박을", "도박"), ("ギャンブルです", "ギャンブル")])
def test_scripts_without_spaces_have_words_anywhere(text: str, word: str) -> None:
    assert find_words(text, word) == [word]


def test_spans_refer_to_the_text_as_given() -> None:
    text = "x ﬀ\u200b \u2003s\u200dPam!"

    assert TextMatcher({"a": TextRules(words=("ff spam",))}).find(text) == [
        TextMatch("a", "ff spam", (2, 11), "ﬀ\u200b \u2003s\u200dPam")
    ]


def test_words_may_overlap_and_belong_to_several_categories() -> None:
    rules = {
        "a": TextRules(words=("big bad", "bad wolf")),
        "b": TextRules(words=("Bad Wolf",)),
    }

    matches = TextMatcher(rules).find("a big bad wolf")

    assert [(match.category, match.rule, match.span) for match in matches] == [
        ("a", "big bad", (2, 9)), ("a", "bad wolf", (6, 14)), ("b", "Bad Wolf", (6, 14)),
    ]  # fmt: skip


def test_a_pattern_sees_digits_of_any_width_and_keeps_case() -> None:
    rules = {"phone": TextRules(patterns=(r"0\d{3}-\d{4}",)), "code": TextRules(patterns=("[A-Z]{3}",))}

    matches = TextMatcher(rules).find("call 0１２３-4\u200b567 abc")

    assert [(match.category, match.text) for match in matches] == [("phone", "0１２３-4\u200b567")]


@pytest.mark.parametrize("pattern", ["(", "(?=x)", r"(a)\1", "x*", "((a{999}){999}){999}"])
def test_the_error_names_an_unusable_pattern(pattern: str) -> None:
    with pytest.raises(ValidationError, match=r"(is no RE2 pattern|matches the empty text)") as error:
        TextRules(patterns=("fine", pattern))

    assert error.value.errors()[0]["loc"] == ("patterns", 1)
    assert repr(pattern) in str(error.value)


@pytest.mark.parametrize("word", ["", " ", "\u200b"])
def test_an_invisible_word_is_refused(word: str) -> None:
    with pytest.raises(ValidationError, match="no visible characters"):
        TextRules(words=(word,))


def test_the_matches_of_one_pattern_are_limited() -> None:
    matches = TextMatcher({"a": TextRules(patterns=("x[^y]*y|x",))}).find("x" * 10_000)

    assert len(matches) == MAX_MATCHES


def test_lone_surrogates_do_not_shift_spans() -> None:
    matches = TextMatcher({"a": TextRules(patterns=("b.d",), words=("bad",))}).find("\ud800é bad")

    assert [match.span for match in matches] == [(3, 6), (3, 6)]


def test_a_result_has_a_score_for_each_category_and_short_evidence() -> None:
    rules = {"spam": TextRules(words=("buy",), patterns=("z{3,}",)), "hate": TextRules(words=("nobody",))}

    result = TextSignal(rules).read_text("buy " * 50 + "z" * 500)

    assert result.scores == {"spam": 1.0, "hate": 0.0}
    assert result.score == 1.0
    assert len(result.evidence) == MAX_SHOWN
    assert result.evidence[0].what == "buy"
    assert result.evidence[0].span == (0, 3)
    assert result.evidence[0].detail == "spam"
    assert max(len(one.what) for one in TextSignal(rules).read_text("z" * 500).evidence) == MAX_SHOWN_LENGTH


def test_the_version_is_that_of_the_rules() -> None:
    one, same, other = (TextSignal({"a": TextRules(words=words)}).read_text("") for words in (("x",), ("x",), ("y",)))

    assert one.version == same.version
    assert one.version != other.version
    assert len(one.version) == 64


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.text(max_size=MAX_RUN))
def test_cleaning_is_nfkc_of_what_is_visible(text: str) -> None:
    cleaned = clean_text(text)
    visible = "".join(one for one in text if clean_text(one).text)

    assert cleaned.text == unicodedata.normalize("NFKC", visible)
    assert len(cleaned.text) == len(cleaned.starts) == len(cleaned.ends)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(before=st.text(max_size=20), word=st.text("abc ﬀéÀ赌", min_size=1, max_size=6), after=st.text(max_size=20))
def test_any_word_between_spaces_is_found_in_its_place(before: str, word: str, after: str) -> None:
    word = word.strip() or "x"
    text = f"{before} {word} {after}"
    start = len(before) + 1

    spans = [match.span for match in TextMatcher({"a": TextRules(words=(word,))}).find(text)]

    assert (start, start + len(word)) in spans
