"""Words of lists behind look-alike letters, marks, leet and spaces; each switch; ordinary text."""

import pytest

from pipelines.moderation.disguises import Disguises
from pipelines.moderation.text_rules import TextMatcher, TextRules, TextSignal

WORDS = ("i want to die", "kill you", "spam", "viagra", "смерть", "arschlöcher", "ano")
OFF = {"homoglyphs": False, "marks": False, "leet": False, "spacing": False}
BY_SWITCH = {
    "homoglyphs": [
        "ѕрам", "sρаm", "ꜱᴘᴀᴍ", "🅢🅟🅐🅜", "🇸🇵🇦🇲", "ꓢꓑꓮꓟ", "ᏚᏢᎪᎷ", "ѴІАԌRА", "ѴΙΑԌЯΑ", "і wаnt tо dіе", "cмepть",
    ],
    "marks": ["s̶p̶a̶m̶", "ṡṗȧṁ", "s\u0489p\u20d2am", "víàgrå", "ķïłł ÿøü"],
    "leet": ["5pam", "$p@m", "sp4m", "k1ll y0u", "v1@gr@", "V¡agra", "I w4nt to d!e"],
    "spacing": [
        "s p a m", "s.p.a.m", "s*p_a-m", "spa.m", "k i l l  y o u", "k i l l y o u", "I want to d i e",
        "a r s c h l ö c h e r",
    ],
}  # fmt: skip
CASES = [(switch, text) for switch, texts in BY_SWITCH.items() for text in texts]


def count_matches(text: str, disguises: Disguises | None = None) -> int:
    return len(TextMatcher({"a": TextRules(words=WORDS)}, disguises).find(text))


def count_patterns(text: str, disguises: Disguises | None = None) -> int:
    rules = {"a": TextRules(patterns=(r"(?i)\bkill +(you|them)\b",))}
    return len({match.span for match in TextMatcher(rules, disguises).find(text)})


@pytest.mark.parametrize(("switch", "text"), CASES)
def test_a_disguised_word_is_found_by_its_switch_alone(switch: str, text: str) -> None:
    assert count_matches(text, Disguises.model_validate(OFF | {switch: True})) == 1


@pytest.mark.parametrize(("switch", "text"), CASES)
def test_no_other_switch_finds_a_disguised_word(switch: str, text: str) -> None:
    assert count_matches(text, Disguises.model_validate({switch: False})) == 0


@pytest.mark.parametrize("text", ["s р 4 m", "k.1.l.l  ý.0.ц".replace("ц", "υ"), "ⓢ p̶ 4 м", "Ѵ-1-@-ɡ-r-а"])
def test_disguises_that_are_put_together_are_found(text: str) -> None:
    assert count_matches(text) == 1


@pytest.mark.parametrize(
    "text",
    [
        "un-spamlike",
        "455 and $$$ for 5",
        "I a m here",
        "self-harm",
        "arschlocher",
        "skill yours",
        "kiil you",
        "spa, mud",
    ],
)
def test_ordinary_text_does_not_match(text: str) -> None:
    assert count_matches(text) == 0


@pytest.mark.parametrize(
    "text", ["k1ll y0u", "ki11 you", "кіll yоu", "k̶i̶ll you", "k.i.l.l you", "K I L L  you", "k i l l  y o u"]
)
def test_a_pattern_is_found_behind_disguises(text: str) -> None:
    assert count_patterns(text) == 1


def test_a_switch_keeps_disguises_from_patterns() -> None:
    assert count_patterns("k1ll y0u", Disguises(patterns=False)) == 0
    assert count_patterns("Kill you", Disguises(patterns=False)) == 1


def test_a_plain_match_of_a_pattern_counts_once() -> None:
    assert count_patterns("kill you, I said in 2001!") == 1


def test_a_word_inside_letters_that_are_spelt_out_needs_four() -> None:
    assert count_matches("m y s p a m i s") == 1
    assert count_matches("b a n o k") == 0


def test_a_plain_word_is_found_once_and_a_disguised_one_where_it_stands() -> None:
    matches = TextMatcher({"a": TextRules(words=WORDS)}).find("spam, no s р 4 m!")

    assert [(match.text, match.span) for match in matches] == [("spam", (0, 4)), ("s р 4 m", (9, 16))]


def test_control_characters_and_fillers_do_not_hide_a_word() -> None:
    assert count_matches("s\0p\x08am", Disguises.model_validate(OFF)) == 1
    assert count_matches("s\u180bp\u17b4am", Disguises.model_validate(OFF)) == 1


def test_the_version_of_the_signal_tells_the_switches() -> None:
    rules = {"a": TextRules(words=WORDS)}

    assert TextSignal(rules).read_text("").version != TextSignal(rules, Disguises(leet=False)).read_text("").version


@pytest.mark.parametrize("text", ["a " * 200_000, "1l" * 200_000, "́" * 300_000, "а-" * 200_000])
def test_repetition_takes_linear_time(text: str) -> None:
    """A reading that grows, or that starts again at every letter, would take minutes here."""
    assert count_matches(text) == 0
