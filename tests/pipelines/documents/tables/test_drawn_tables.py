"""Drawn tables with known cells; their lines are exactly what was written, without a reader."""

import numpy as np
import pytest

from pipelines.boxes import Box
from pipelines.documents.stages import PageText
from pipelines.documents.structure.assemble import assemble_regions
from pipelines.documents.tables import build_table, to_html, to_markdown
from pipelines.documents.types import Table, TableCell
from tests.pipelines.documents.drawn_pages import DrawnTable, PageDrawing, PlacedCell, draw_table

FRAME: Box = (0, 0, 1, 1)


def build(text: PageText) -> Table:
    height, width = text.pixels.shape[:2]
    table = build_table(text.lines, (40, 40, width - 40, height - 40), 0.9, 0, text.pixels)
    assert table is not None
    return table


def cells_of(table: Table) -> list[PlacedCell]:
    return [(one.row, one.column, one.row_span, one.column_span, one.text) for one in table.cells]


@pytest.mark.parametrize("is_ruled", [True, False], ids=["ruled", "unruled"])
def test_nearly_all_cells_of_drawn_tables_are_found(is_ruled: bool) -> None:
    drawn = [draw_table(seed, is_ruled=is_ruled) for seed in range(12)]
    hits = [len(set(cells_of(build(one.text))) & set(one.cells)) / len(one.cells) for one in drawn]

    assert np.mean(hits) >= 0.9


@pytest.mark.parametrize("is_ruled", [True, False], ids=["ruled", "unruled"])
def test_cells_cover_every_place_of_a_table_once(is_ruled: bool) -> None:
    for seed in range(12, 20):
        table = build(draw_table(seed, is_ruled=is_ruled).text)
        places = [
            (cell.row + y, cell.column + x)
            for cell in table.cells
            for y in range(cell.row_span)
            for x in range(cell.column_span)
        ]

        assert sorted(places) == [(y, x) for y in range(table.rows) for x in range(table.columns)]


@pytest.mark.parametrize("is_ruled", [True, False], ids=["ruled", "unruled"])
def test_no_word_of_a_table_is_lost(is_ruled: bool) -> None:
    for seed in range(20, 26):
        drawn = draw_table(seed, is_ruled=is_ruled)
        written = " ".join(line.text for line in drawn.text.lines).split()

        assert sorted(" ".join(cell.text for cell in build(drawn.text).cells).split()) == sorted(written)


def test_rows_that_name_columns_are_headers() -> None:
    drawn = _draw_plain_table()

    assert {cell.row for cell in build(drawn.text).cells if cell.is_header} == {0}


@pytest.mark.parametrize(
    ("rows", "header_rows"),
    [
        ([["", "2023", "2024"], ["Income", "412", "430"], ["Costs", "380", "391"]], 1),
        ([["Year", "2022", "2023"], ["Income", "412", "430"], ["Costs", "380", "391"]], 1),
        ([["Founded", "1987"], ["Enlarged", "1991"], ["Staff", "120"], ["Cranes", "7"]], 0),
    ],
    ids=["years alone", "years in steps", "years of events"],
)
def test_years_are_heads_only_where_they_name_columns(rows: list[list[str]], header_rows: int) -> None:
    sheet = PageDrawing()
    for y, row in enumerate(rows):
        for x, text in enumerate(row):
            if text:
                sheet.write(text, 100 + 300 * x, 100 + 40 * y)
    table = build(sheet.text)

    assert {cell.row for cell in table.cells if cell.is_header} == set(range(header_rows))


def test_a_page_that_is_a_table_needs_no_proposal() -> None:
    drawn = _draw_plain_table()
    _, tables, _ = assemble_regions(drawn.text, [])

    assert [cells_of(table) for table in tables] == [drawn.cells]


def _draw_plain_table() -> DrawnTable:
    """Four columns of names and numbers, without lines."""
    rows = [["Name", "First", "Second", "Third"], *([f"Row {index}", "1.50", "22", "3.1"] for index in range(5))]
    sheet = PageDrawing(700, 330)
    for row, texts in enumerate(rows):
        for column, text in enumerate(texts):
            sheet.write(text, 30 + 170 * column, 20 + 45 * row, 18)
    return DrawnTable(sheet.text, [(y, x, 1, 1, text) for y, row in enumerate(rows) for x, text in enumerate(row)])


def test_text_in_html_is_escaped() -> None:
    cells = [TableCell(row=0, column=0, column_span=2, text='<script>"&', box=FRAME)]

    assert to_html(cells) == '<table><tbody><tr><td colspan="2">&lt;script&gt;&quot;&amp;</td></tr></tbody></table>'


def test_markdown_has_a_pipe_table_whose_cells_cannot_break_out() -> None:
    cells = [
        TableCell(row=0, column=0, is_header=True, text="a|b", box=FRAME),
        TableCell(row=0, column=1, is_header=True, text="<i>", box=FRAME),
        TableCell(row=1, column=0, column_span=2, text="two\nlines", box=FRAME),
    ]

    assert to_markdown(cells, 2, 2) == "| a\\|b | &lt;i&gt; |\n| --- | --- |\n| two lines |  |"


def test_a_table_without_text_is_none() -> None:
    assert build_table([], (0, 0, 50, 50), 0.9, 0, np.zeros((50, 50, 3), np.uint8)) is None
