"""Struck words are marked in every form that people and models read."""

from reportlab.pdfgen.canvas import Canvas

from pipelines.documents.outputs.formats import to_text
from pipelines.documents.outputs.hocr import to_hocr
from pipelines.documents.outputs.markdown import to_markdown
from pipelines.documents.outputs.prompt import describe_document
from pipelines.documents.struck_text import mark_struck, write_marks
from pipelines.documents.structure.assemble import assemble_regions
from pipelines.documents.types import Document, Region
from tests.pipelines.documents.conftest import ReadDocument
from tests.pipelines.documents.outputs.sample_documents import (
    make_document,
    make_line,
    make_page,
    make_region,
    make_table,
)
from tests.pipelines.documents.sample_pdfs import HEIGHT, make_pdf


def strike(region: Region, *struck: str) -> Region:
    lines = [
        line.model_copy(
            update={"words": [word.model_copy(update={"struck": word.text in struck}) for word in line.words]}
        )
        for line in region.lines
    ]
    return region.model_copy(update={"lines": lines})


def make_contract() -> Document:
    return make_document(make_page(strike(make_region("text", "a deposit of 1,800 1,200 ~~euros"), "1,800")))


def test_markdown_marks_struck_words_and_escapes_the_rest() -> None:
    assert to_markdown(make_contract()).endswith("a deposit of ~~1,800~~ 1,200 \\~~euros\n")


def test_plain_text_and_prompt_mark_struck_words() -> None:
    assert "~~1,800~~ 1,200" in to_text(make_contract())
    assert "~~1,800~~ 1,200" in describe_document(make_contract())


def test_struck_words_of_several_lines_are_one_passage() -> None:
    region = strike(make_region("text", "Pets are", "not allowed."), "Pets", "are", "not", "allowed.")

    assert to_markdown(make_document(make_page(region))).endswith("\n~~Pets are not allowed.~~\n")


def test_struck_words_of_table_cells_are_marked() -> None:
    region = strike(make_region("table", "1,800"), "1,800")
    table = make_table(("Deposit", "1,800"))
    cells = [
        cell.model_copy(update={"box": region.lines[0].box if cell.column else (0, 0, 1, 1)}) for cell in table.cells
    ]

    text = to_markdown(make_document(make_page(region, tables=(table.model_copy(update={"cells": cells}),))))

    assert "| Deposit | ~~1,800~~ |" in text


def test_struck_words_out_of_order_are_marked() -> None:
    words = [word.model_copy(update={"struck": True}) for word in make_line("euros 1,800").words]

    assert write_marks(mark_struck("1,800 euros", words)) == "~~1,800 euros~~"


def test_hocr_marks_struck_words() -> None:
    assert ">a</span>" in to_hocr(make_contract())
    assert "><del>1,800</del></span>" in to_hocr(make_contract())


def draw_price_list(canvas: Canvas) -> None:
    """A table of four rows; a line runs through one price, and one through all of the last row."""
    canvas.setFont("Helvetica", 11)
    rows = [
        ("Room", "Guests", "Price"),
        ("Garden", "2", "90.00 80.00"),
        ("Attic", "3", "70.00"),
        ("Hut", "1", "35.00"),
    ]
    for at, texts in enumerate(rows):
        y = HEIGHT - 120 - 24 * at
        for x, text in zip((80, 220, 330), texts, strict=True):
            canvas.drawString(x, y, text)
        for x in (70, 210, 320, 430):
            canvas.line(x, y - 8, x, y + 16)
        canvas.line(70, y + 16, 430, y + 16)
    canvas.line(70, HEIGHT - 200, 430, HEIGHT - 200)
    canvas.line(329, HEIGHT - 140, 359, HEIGHT - 140)
    for x0, x1 in ((79, 99), (219, 227), (329, 360)):
        canvas.line(x0, HEIGHT - 188, x1, HEIGHT - 188)


def test_struck_prices_of_a_table_are_marked_in_html_and_cells(read: ReadDocument) -> None:
    [page] = read(make_pdf(draw_price_list), arrange=assemble_regions).pages
    [table] = page.tables

    assert "<td><del>90.00</del> 80.00</td>" in table.html
    assert "<td><del>Hut</del></td><td><del>1</del></td><td><del>35.00</del></td>" in table.html
    assert [cell.text for cell in table.cells if cell.struck] == ["90.00 80.00", "Hut", "1", "35.00"]


def test_a_pair_says_that_its_value_is_struck(read: ReadDocument) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 11)
        canvas.drawString(80, HEIGHT - 120, "Deposit: 1,800.00")
        canvas.drawString(80, HEIGHT - 150, "Rent: 900.00")
        canvas.line(124, HEIGHT - 116, 172, HEIGHT - 116)

    [page] = read(make_pdf(draw), arrange=assemble_regions).pages

    assert [(pair.key, pair.struck) for pair in page.pairs] == [("Deposit", True), ("Rent", False)]
