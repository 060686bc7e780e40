"""Markdown: the page's structure, and text that stays text."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pipelines.documents.outputs.line_joining import clean_text, join_lines
from pipelines.documents.outputs.markdown import escape_markdown, to_markdown
from tests.pipelines.documents.outputs.sample_documents import make_document, make_page, make_region, make_table

PARSER = MarkdownIt("commonmark").enable("table")
TRICKY = "#*_`[]()<>!&;|~-+=.:1a \\\n"


def parse_blocks(markdown: str) -> list[tuple[str, str]]:
    """Tags and text of the blocks that a Markdown parser finds; markup inside of them fails."""
    tokens = PARSER.parse(markdown)
    texts = []
    for before, token in pairwise(tokens):
        if token.type == "inline":
            assert all(child.type in ("text", "text_special", "softbreak") for child in token.children or [])
            texts.append((before.tag, "".join(child.content for child in token.children or [])))
    assert all(token.type != "html_block" for token in tokens)
    return texts


@given(st.text(TRICKY, min_size=1, max_size=40))
def test_any_text_stays_the_same_text_in_one_paragraph(text: str) -> None:
    expected = clean_text(text)

    assert parse_blocks(escape_markdown(text)) == ([("p", expected)] if expected else [])


@pytest.mark.parametrize(
    "text",
    [
        "# no heading", "- no item", "1. no item", "1) no item", "> no quote", "=== no rule", "--- no rule", "***",
        "```fence", "~~~ fence", "a `code` b", "*star* _under_ snake_case", "[link](http://x)", "[a]: /b",
        "![image](x)", "<script>alert(1)</script>", "<!-- comment -->", "&lt; &#60; AT&T", "a | b", "\\* escaped",
        "http://example.org/a_b_c",
    ],
)  # fmt: skip
def test_markup_in_text_is_escaped(text: str) -> None:
    assert parse_blocks(escape_markdown(text)) == [("p", text)]


def test_plain_text_is_left_alone() -> None:
    text = "Total (incl. 7.5 % tax): $12.40 - see section 3.1, snake_case [9] & more!"

    assert escape_markdown(text) == text


def test_heading_levels_follow_from_their_sizes() -> None:
    first = make_page(
        make_region("title", "Report", height=60),
        make_region("title", "Part one", height=36),
        make_region("text", "Text."),
    )
    second = make_page(make_region("title", "Detail", height=28), make_region("title", "Part two", height=35), number=2)

    text = to_markdown(make_document(first, second))

    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# Report", "## Part one", "### Detail", "## Part two",
    ]  # fmt: skip


def test_lines_of_a_paragraph_and_hyphenated_words_are_joined() -> None:
    text = to_markdown(
        make_document(make_page(make_region("text", "The har-", "bour was quiet", "at low-", "Cost times.")))
    )

    assert text == "<!-- page 1 -->\n\nThe harbour was quiet at low-Cost times.\n"


def test_scripts_without_spaces_are_joined_without() -> None:
    assert (
        join_lines(["人人生而自由,", "在尊严", "和 rights", "모든", "인간은"])
        == "人人生而自由, 在尊严和 rights 모든 인간은"
    )


def test_lists_have_an_item_for_each_bullet_or_number() -> None:
    text = to_markdown(
        make_document(
            make_page(make_region("list", "• first", "goes on", "• second"), make_region("list", "1. one", "2) two"))
        )
    )

    assert text == "<!-- page 1 -->\n\n- first goes on\n- second\n\n1. one\n2. two\n"


def test_cells_of_tables_are_escaped() -> None:
    found = make_page(make_region("table", "ignored"), tables=(make_table(("a", "b"), ("1 | 2", ""), ("*", "4")),))

    assert to_markdown(make_document(found)) == (
        "<!-- page 1 -->\n\n| a | b |\n| --- | --- |\n| 1 \\| 2 |  |\n| \\* | 4 |\n"
    )


def test_a_figure_has_a_placeholder_with_its_text() -> None:
    text = to_markdown(
        make_document(
            make_page(make_region("figure", "Sales"), make_region("caption", "Figure 1: sales"), make_region("figure"))
        )
    )

    assert text.splitlines()[2:] == [
        "[Figure on page 1, box 100 100 900 140]", "", "> Sales", "", "*Figure 1: sales*", "",
        "[Figure on page 1, box 100 100 900 100]",
    ]  # fmt: skip


def test_repeated_headers_and_footers_appear_once() -> None:
    pages = [
        make_page(
            make_region("header", f"Report 2026, page {number}"),
            make_region("text", "Text."),
            make_region("footer", f"{number}"),
        )
        for number in (1, 2)
    ]

    text = to_markdown(make_document(pages[0], pages[1].model_copy(update={"number": 2})))

    assert text == "<!-- page 1 -->\n\nReport 2026, page 1\n\nText.\n\n<!-- page 2 -->\n\nText.\n"


def test_a_page_with_only_a_repeated_header_keeps_it() -> None:
    pages = [make_page(make_region("header", f"This is page {number}."), number=number) for number in (1, 2)]

    assert to_markdown(make_document(*pages)).splitlines()[2::4] == ["This is page 1.", "This is page 2."]


def test_a_failed_page_is_mentioned() -> None:
    failed = make_page(number=2).model_copy(update={"error": "page 2 cannot be read"})

    assert "<!-- page 2 could not be read -->" in to_markdown(make_document(make_page(), failed))


def test_ticks_and_empty_boxes_of_items_are_kept() -> None:
    text = to_markdown(make_document(make_page(make_region("list", "☑ Flight booked", "☐ Hotel booked", "▪ Scan"))))

    assert text.splitlines()[2:] == ["- ☑ Flight booked", "- ☐ Hotel booked", "- Scan"]
