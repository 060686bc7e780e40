"""Patterns that recognise by its wording what a text is."""

from collections.abc import Callable

import pytest

from pipelines.documents.structure import text_patterns

MATCHES: list[tuple[Callable[[str], bool], str]] = [
    *(
        (text_patterns.is_item, text)
        for text in ("• point", "- point", "1. point", "(2) point", "a) point", "③ point", "一、点")
    ),
    *((text_patterns.is_reference, text) for text in ("[12] A. Writer", "3. Writer, B.", "[ABC19] Writer")),
    *(
        (text_patterns.is_references_heading, text)
        for text in ("References", "7. REFERENCES", "参考文献", "Bibliography:")
    ),
    *(
        (text_patterns.is_heading_number, text)
        for text in ("1 Introduction", "2.3. Method", "IV. Results", "Appendix B: More")
    ),
    *((text_patterns.is_surely_heading, text) for text in ("2.3 Method", "II. Results", "第三章 方法")),
    *(
        (text_patterns.is_surely_caption, text)
        for text in ("Figure 3: what", "TABLE IV.", "Fig. 2 | what", "图3 什么", "Tab. 1")
    ),
    *((text_patterns.is_page_number, text) for text in ("12", "- 3 -", "Page 6 of 7", "xiv", "一一五")),
    *((text_patterns.is_equation_number, text) for text in ("(1)", "(2.13a)", "(A.4)")),
    *((text_patterns.is_note, text) for text in ("* Supported by", "†Equal", "1The step", "2 See")),
    *((text_patterns.is_formula, text) for text in ("x = y + 1", "f(x) = ∫ g dx", "∇ · v = 0")),
    *((text_patterns.is_upper, text) for text in ("RESULTS", "IV. RESULTS 2")),
]
LOOKALIKES: list[tuple[Callable[[str], bool], str]] = [
    *((text_patterns.is_item, text) for text in ("a point", "2019. was", "1.5 of them", "-5 degrees")),
    *((text_patterns.is_references_heading, text) for text in ("References are below", "Our references")),
    *((text_patterns.is_heading_number, text) for text in ("12.50", "The 1st of them")),
    *((text_patterns.is_surely_heading, text) for text in ("1. Introduction", "Results")),
    *((text_patterns.is_surely_caption, text) for text in ("Figure 3 shows that", "Figures of speech", "表现很好")),
    *((text_patterns.is_page_number, text) for text in ("12 apples", "page")),
    *((text_patterns.is_equation_number, text) for text in ("(see)", "f(1)")),
    *((text_patterns.is_formula, text) for text in ("a sentence = words", "03-5542 1234", "12.50", "图 = 表")),
    *((text_patterns.is_upper, text) for text in ("Results", "A B", "123")),
]


@pytest.mark.parametrize(("pattern", "text"), MATCHES)
def test_patterns_match_their_examples(pattern: Callable[[str], bool], text: str) -> None:
    assert pattern(text)


@pytest.mark.parametrize(("pattern", "text"), LOOKALIKES)
def test_patterns_do_not_match_lookalikes(pattern: Callable[[str], bool], text: str) -> None:
    assert not pattern(text)
