"""Markdown: the page's structure, and text that stays text."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pipelines.documents.outputs.line_joining import clean_text, join_lines
from pipelines.documents.outputs.markdown import escape_markdown, to_markdown
from pipelines.documents.types import Page
from tests.pipelines.documents.outputs.sample_documents import (
    make_document,
    make_line,
    make_page,
    make_region,
    make_table,
)

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


@pytest.mark.parametrize("text", ["1.284,50 €", "17.09.2025", "-12.40", "+46 8 123", "#27B"])
def test_amounts_dates_and_numbers_are_not_escaped(text: str) -> None:
    assert escape_markdown(text) == text
    assert parse_blocks(text) == [("p", text)]


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


NUMBERED = ((1, "4711"), (2, "815"), (3, "42"))


def make_framed_pages(header: str, footer: str) -> list[Page]:
    """Three pages; `{page}` and `{word}` differ from page to page."""
    return [
        make_page(
            make_region("header", header.format(page=number, word=word)),
            make_region("text", "Text."),
            make_region("footer", footer.format(page=number)),
            number=number,
        )
        for number, word in enumerate(("gate", "ball", "check"), start=1)
    ]


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
            make_page(
                make_region("figure", "Sales", "10:31"),
                make_region("caption", "Figure 1: sales"),
                make_region("figure"),
            )
        )
    )

    assert text.splitlines()[2:] == [
        "[Figure on page 1, box 100 100 900 180]", "", "> Sales", "> 10:31", "", "*Figure 1: sales*", "",
        "[Figure on page 1, box 100 100 900 100]",
    ]  # fmt: skip


def test_lines_of_a_figure_side_by_side_are_one_row() -> None:
    lines = [
        make_line("13.40", (300.0, 100.0, 360.0, 130.0)),
        make_line("Sum", (100.0, 102.0, 160.0, 132.0)),
        make_line("Tax", (100.0, 150.0, 160.0, 180.0)),
        make_line("2.94", (300.0, 148.0, 360.0, 178.0)),
    ]
    figure = make_region("figure").model_copy(update={"lines": lines})

    assert to_markdown(make_document(make_page(figure))).splitlines()[4:] == ["> Sum 13.40", "> Tax 2.94"]


def test_headers_that_say_the_same_appear_once_and_are_listed() -> None:
    text = to_markdown(make_document(*make_framed_pages("Harbour news", "{page}")))

    assert text == (
        "<!-- page 1 -->\n\nHarbour news\n\nText.\n\n<!-- page 2 -->\n\nText.\n\n<!-- page 3 -->\n\nText.\n\n"
        "<!-- left out, repeated on pages 2-3: Harbour news -->\n\n<!-- left out, page numbers: 1-3 -->\n"
    )


@pytest.mark.parametrize(
    "header",
    [
        "VALVE-204{page}",
        "Invoice INV-3001{page}",
        "Due: 1,28{page}.40",
        "1{page}.09.2025",
        "Part: {word}",
        "Lot 7",
        "1{page} €",
    ],
)
def test_what_differs_or_has_a_number_stays_on_every_page(header: str) -> None:
    text = to_markdown(make_document(*make_framed_pages(header, "x")))

    for page, word in enumerate(("gate", "ball", "check"), start=1):
        assert f"<!-- page {page} -->\n\n{header.format(page=page, word=word)}" in text


def test_numbers_that_do_not_count_with_the_pages_stay() -> None:
    pages = [make_page(make_region("text", "Text."), make_region("footer", one), number=at) for at, one in NUMBERED]

    text = to_markdown(make_document(*pages))

    assert all(number in text.split("<!-- left out")[0] for _, number in NUMBERED)


def test_printed_page_numbers_may_begin_anywhere() -> None:
    text = to_markdown(make_document(*make_framed_pages("x", "Page 23{page}")))

    assert "<!-- left out, page numbers: 231-233 -->" in text
    assert "Page 231" not in text


@pytest.mark.parametrize("text", ["7", "17.09.2025", "1.284,50 €", "Halden Fittings", "Page 1 of 4"])
def test_one_page_loses_nothing(text: str) -> None:
    page = make_page(make_region("header", text), make_region("text", "Text."), make_region("footer", text))

    assert to_markdown(make_document(page)).count(text) == 2


def test_what_is_left_out_cannot_end_its_comment() -> None:
    text = to_markdown(make_document(*make_framed_pages("--> <b>bold</b>", "x")))

    assert "<!-- left out, repeated on pages 2-3: - - b bold /b -->" in text


def test_a_page_with_only_a_repeated_header_keeps_it() -> None:
    pages = [make_page(make_region("header", f"This is page {number}."), number=number) for number in (1, 2)]

    assert to_markdown(make_document(*pages)).splitlines()[2::4] == ["This is page 1.", "This is page 2."]


def test_a_failed_page_is_mentioned() -> None:
    failed = make_page(number=2).model_copy(update={"error": "page 2 cannot be read"})

    assert "<!-- page 2 could not be read -->" in to_markdown(make_document(make_page(), failed))


def test_code_is_fenced_with_its_indents_and_nothing_escaped() -> None:
    code = 'def f(__name__):\n    return f"{a_b:>3}" * 2'
    region = make_region("text", "ignored").model_copy(update={"code": code})

    assert to_markdown(make_document(make_page(region))) == f"<!-- page 1 -->\n\n```\n{code}\n```\n"


def test_code_cannot_end_its_fence() -> None:
    region = make_region("text", "ignored").model_copy(update={"code": "```\n# no heading\n````"})

    [fence] = [token for token in PARSER.parse(to_markdown(make_document(make_page(region)))) if token.type == "fence"]
    assert fence.content == "```\n# no heading\n````\n"


def test_leaders_are_shortened() -> None:
    text = to_markdown(
        make_document(make_page(make_region("list", "1 Start . . . . . . . . 3", "1.1 Parts........ 4")))
    )

    assert text == "<!-- page 1 -->\n\n- 1 Start ... 3\n- 1.1 Parts ... 4\n"


def test_numbered_entries_of_contents_are_items_of_their_own() -> None:
    text = to_markdown(make_document(make_page(make_region("list", "1. Start 3", "1.1 Parts 4", "2. End 9"))))

    assert text == "<!-- page 1 -->\n\n1. Start 3\n- 1.1 Parts 4\n2. End 9\n"


def test_a_wrapped_title_of_contents_is_one_item() -> None:
    text = to_markdown(make_document(make_page(make_region("list", "1 Start 3", "2 On the", "roof 4", "3 End 9"))))

    assert text == "<!-- page 1 -->\n\n- 1 Start 3\n- 2 On the roof 4\n- 3 End 9\n"


def test_ticks_and_empty_boxes_of_items_are_kept() -> None:
    text = to_markdown(make_document(make_page(make_region("list", "☑ Flight booked", "☐ Hotel booked", "▪ Scan"))))

    assert text.splitlines()[2:] == ["- ☑ Flight booked", "- ☐ Hotel booked", "- Scan"]
