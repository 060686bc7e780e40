"""Tables over several pages: the parts say where they go on from, and no row is lost."""

from collections.abc import Callable, Sequence

import pytest
from reportlab.pdfgen.canvas import Canvas

from pipelines.documents.outputs.markdown import to_markdown
from pipelines.documents.outputs.prompt import describe_document
from pipelines.documents.structure.assemble import assemble_regions
from pipelines.documents.types import Document
from tests.pipelines.documents.conftest import ReadDocument
from tests.pipelines.documents.sample_pdfs import HEIGHT, DrawPage, make_pdf

HEAD = ["No", "Article", "Pieces", "Amount"]
STATES = ["in service", "needs repair", "replaced"]
Rows = Sequence[Sequence[str]]
Read = Callable[..., Document]

PROSE = "The goods were packed by hand on the quay and left with the morning boat."


def list_goods(first: int, count: int) -> list[list[str]]:
    return [
        [f"{100 + at}", f"Crate of herring {at}", f"{at % 7 + 1}", f"{at}7.50"] for at in range(first, first + count)
    ]


def draw_table_page(
    rows: Rows, *, above: Sequence[str] = (), below: Sequence[str] = (), top: float = 90, width: float = 120
) -> DrawPage:
    """Rows of text in columns under a header, with lines of text around them and a page number."""

    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 10)
        canvas.drawString(60, HEIGHT - 40, "Harbour Trading Company")
        y = HEIGHT - top
        for text in above:
            canvas.drawString(60, y, text)
            y -= 30
        for row in rows:
            for column, text in enumerate(row):
                canvas.drawString(60 + width * column, y, text)
            y -= 18
        for text in below:
            y -= 20
            canvas.drawString(60, y, text)
        canvas.drawString(290, 30, f"Page {canvas.getPageNumber()}")

    return draw


@pytest.fixture
def read_tables(read: ReadDocument) -> Read:
    return lambda *pages, **options: read(make_pdf(*pages), arrange=assemble_regions, **options)


def list_links(document: Document) -> list[tuple[str | None, int]]:
    return [(table.continues, table.repeated_head_rows) for page in document.pages for table in page.tables]


def count_rows(markdown: str) -> int:
    return sum(line.startswith("| ") and "---" not in line for line in markdown.splitlines())


def test_a_table_with_a_repeated_head_goes_on(read_tables: Read) -> None:
    document = read_tables(
        draw_table_page([HEAD, *list_goods(0, 36)], above=[PROSE]),
        draw_table_page([HEAD, *list_goods(36, 36)]),
        draw_table_page([HEAD, *list_goods(72, 5)], below=[PROSE]),
    )

    assert list_links(document) == [(None, 0), ("p1.r3", 1), ("p2.r2", 1)]


def test_rows_without_a_head_go_on(read_tables: Read) -> None:
    document = read_tables(
        draw_table_page([HEAD, *list_goods(0, 36)]),
        draw_table_page(list_goods(36, 36)),
        draw_table_page(list_goods(72, 5), below=[PROSE]),
    )

    assert list_links(document) == [(None, 0), ("p1.r2", 0), ("p2.r2", 0)]
    assert not any(cell.is_header for page in document.pages[1:] for cell in page.tables[0].cells)
    assert "<th" not in document.pages[1].tables[0].html


def test_pages_with_the_same_heading_have_one_table(read_tables: Read) -> None:
    document = read_tables(
        draw_table_page([HEAD, *list_goods(0, 36)], above=["Invoice 20417, page 1 of 2"]),
        draw_table_page([HEAD, *list_goods(36, 9)], above=["Invoice 20417, page 2 of 2"]),
    )

    assert list_links(document)[1][1] == 1


def test_columns_of_words_go_on_from_a_full_page(read_tables: Read) -> None:
    rows = [[f"Sensor {at}", ["Roof", "Hall B"][at % 2], STATES[at % 3]] for at in range(60)]
    first = [["Device", "Place", "State"], *rows[:38]]

    assert list_links(read_tables(draw_table_page(first), draw_table_page(rows[38:]))) == [(None, 0), ("p1.r2", 0)]


def test_a_line_that_says_continued_is_no_content(read_tables: Read) -> None:
    document = read_tables(
        draw_table_page([HEAD, *list_goods(0, 36)], below=["Continued on the next page"]),
        draw_table_page([HEAD, *list_goods(36, 8)], above=["Table 2 (continued)"]),
    )

    assert list_links(document)[1][0] is not None
    assert "Table 2 (continued)" in to_markdown(document)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (draw_table_page([HEAD, *list_goods(0, 20)], below=[PROSE]), draw_table_page([HEAD, *list_goods(20, 9)])),
        (draw_table_page([HEAD, *list_goods(0, 36)]), draw_table_page([HEAD, *list_goods(36, 9)], above=[PROSE])),
        (
            draw_table_page([HEAD, *list_goods(0, 36)]),
            draw_table_page([["Ship", "Captain", "Crew", "Load"], *list_goods(36, 9)]),
        ),
        (draw_table_page([HEAD, *list_goods(0, 36)]), draw_table_page(list_goods(36, 9), width=140)),
        (
            draw_table_page([HEAD, *list_goods(0, 20), ["Total", "", "", "412.50"]]),
            draw_table_page([HEAD, *list_goods(0, 9)]),
        ),
        (
            draw_table_page([HEAD, *list_goods(0, 20), ["Total due", "", "", "412.50"]]),
            draw_table_page([HEAD, *list_goods(0, 9)]),
        ),
        (
            draw_table_page([HEAD, *list_goods(0, 36)], above=["Table 1: Goods of the quay"]),
            draw_table_page([HEAD, *list_goods(36, 9)], above=["Table 2: Goods of the quay"]),
        ),
        (
            draw_table_page([HEAD, *list_goods(0, 36)], above=["Invoice 20417"]),
            draw_table_page([HEAD, *list_goods(36, 9)], above=["Invoice 20418"]),
        ),
    ],
    ids=[
        "prose after the first",
        "prose before the second",
        "another head",
        "other columns",
        "a sum at the end",
        "a sum with more words",
        "a caption with another number",
        "another invoice",
    ],
)
def test_tables_of_their_own_do_not_go_on(read_tables: Read, first: DrawPage, second: DrawPage) -> None:
    assert list_links(read_tables(first, second)) == [(None, 0), (None, 0)]


def test_a_table_goes_on_from_the_page_before_only(read_tables: Read) -> None:
    page = draw_table_page([HEAD, *list_goods(0, 36)])

    assert list_links(read_tables(page, page, page, pages="1,3")) == [(None, 0), (None, 0)]


def test_markdown_has_the_whole_table_with_one_head(read_tables: Read) -> None:
    text = to_markdown(
        read_tables(
            draw_table_page([HEAD, *list_goods(0, 36)]),
            draw_table_page([HEAD, *list_goods(36, 36)]),
            draw_table_page([HEAD, *list_goods(72, 5)], below=[PROSE]),
        )
    )

    assert count_rows(text) == 1 + 77
    assert text.count("| No |") == 1
    assert "| 176 | Crate of herring 76 | 7 | 767.50 |\n\n<!-- this table goes on to page 3 -->" in text
    assert "<!-- page 2 -->\n\n<!-- the table of page 1 goes on here: 36 rows stand there -->" in text


def test_the_prompt_names_the_part_before(read_tables: Read) -> None:
    document = read_tables(draw_table_page([HEAD, *list_goods(0, 36)]), draw_table_page([HEAD, *list_goods(36, 9)]))

    assert "[p2.r2 table, goes on from p1.r2]\nNo | Article" in describe_document(document)
