"""Struck words are marked in every form that people and models read."""

from pipelines.documents.outputs.formats import to_text
from pipelines.documents.outputs.markdown import to_markdown
from pipelines.documents.outputs.prompt import describe_document
from pipelines.documents.types import Document, Region
from tests.pipelines.documents.outputs.sample_documents import make_document, make_page, make_region, make_table


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
