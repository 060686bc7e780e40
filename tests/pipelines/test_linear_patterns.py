"""Patterns for callers' text answer in linear time, and mean by their classes what Python means."""

import re
import subprocess
import sys

import pytest

from pipelines.linear_patterns import compile_bytes, compile_text, text_begins, text_is

CHARACTERS = [chr(code) for code in [*range(0x3100), *range(0xFF00, 0x10000)]]

# Texts that a page or a QR code may have, on which patterns that backtrack take hours.
HARD_TEXTS = """
pieces = ["1- ,", "1,", "1.", "1.1", "A.", "A.1", "[1]", "(1", " ", "\\t", ". ", ".,", "1 ", "- ", "a-", "a.", "a@",
          "://", "IV", "GLYPH<", "(cid:1", "/g1", "&a", "<a", "_a", "]", "`", "第一", "参考文献",
          "fig 1", "。", "\\ud800", "％"]
texts = [start + piece * (10_000 // len(piece)) + end
         for piece in pieces for start in ("", "A.", "1") for end in ("", "!", "x")]
"""
READERS = """
from pipelines.documents.outputs.furniture import _NUMBER
from pipelines.documents.outputs.line_joining import clean_text, shorten_leaders
from pipelines.documents.outputs.markdown import escape_markdown
from pipelines.documents.pdf.raised_text import _is_large_number, _is_note_mark
from pipelines.documents.pdf.text_quality import find_non_language_reason
from pipelines.documents.structure import key_values, text_patterns
from pipelines.moderation.domains import find_hosts

tests = [value for name, value in vars(text_patterns).items() if name.startswith("is_")]
for text in texts:
    own = (key_values._is_value, key_values._find_colon, _is_large_number, _is_note_mark)
    for reads in (*tests, *own, escape_markdown):
        reads(text)
    shorten_leaders(clean_text(text))
for text in texts:
    find_hosts(text)
    _NUMBER.findall(text.encode(errors="replace").decode())
    find_non_language_reason(text.encode(errors="replace").decode())
"""


def test_texts_that_patterns_backtrack_on_are_read_at_once() -> None:
    """In a process of its own, as one of these would never end."""
    subprocess.run([sys.executable, "-c", HARD_TEXTS + READERS], check=True, timeout=300)


@pytest.mark.parametrize(
    "pattern", [r"\d", r"\w", r"\s", r"\D", r"\W", r"\S", r"[\d]", r"[^\w(]", r"[\s.]", r"\.", r"\\"]
)
def test_classes_mean_what_they_do_in_python(pattern: str) -> None:
    ours, pythons = text_is(pattern), re.compile(pattern)

    # Python's tables are older or newer than RE2's by a few characters, most of them not assigned in one of the two.
    assert sum(ours(one) != bool(pythons.fullmatch(one)) for one in CHARACTERS) < 100


def test_a_test_ignores_case_where_asked() -> None:
    assert text_begins("figure", ignore_case=True)("FIGURE 3")
    assert not text_begins("figure")("FIGURE 3")


def test_a_test_takes_text_that_cannot_be_encoded() -> None:
    assert text_begins("a.")("a\ud800")


def test_positions_are_those_of_the_text() -> None:
    match = compile_text("é+").search("aéé")

    assert match.span() == (1, 3)


def test_bytes_are_matched_as_they_are() -> None:
    assert compile_bytes(rb"\xff.").search(b"\0\xff\n").start() == 1
