"""Heads over several columns, and cells of several lines, with full rules, with few rules and on shaded rows."""

import pytest

from pipelines.documents.tables import build_table
from pipelines.documents.types import Table
from tests.pipelines.documents.drawn_pages import PageDrawing, PlacedCell

XS = (100, 240, 400, 520, 640, 1100)
YS = (100, 140, 180, 250, 295, 340, 410, 455)
CELLS: list[PlacedCell] = [
    (0, 0, 2, 1, "Branch"),
    (0, 1, 2, 1, "Goods"),
    (0, 2, 1, 2, "First months of 2025"),
    (0, 4, 2, 1, "Notes"),
    (1, 2, 1, 1, "Q1"),
    (1, 3, 1, 1, "Q2"),
    (2, 0, 3, 1, "West"),
    (2, 1, 1, 1, "Tyres"),
    (2, 2, 1, 1, "210"),
    (2, 3, 1, 1, "245"),
    (2, 4, 1, 1, "Most of the rise came from\nthe new garage in May."),
    (3, 1, 1, 1, "Lamps"),
    (3, 2, 1, 1, "64"),
    (3, 3, 1, 1, "59"),
    (3, 4, 1, 1, "Steady."),
    (4, 1, 1, 1, "Belts"),
    (4, 2, 1, 1, "18"),
    (4, 3, 1, 1, "27"),
    (4, 4, 1, 1, ""),
    (5, 0, 2, 1, "East"),
    (5, 1, 1, 1, "Tyres"),
    (5, 2, 1, 1, "77"),
    (5, 3, 1, 1, "81"),
    (5, 4, 1, 1, "A large buyer put off its\norder."),
    (6, 1, 1, 1, "Lamps"),
    (6, 2, 1, 1, "40"),
    (6, 3, 1, 1, "52"),
    (6, 4, 1, 1, ""),
]


def draw(style: str) -> PageDrawing:
    sheet = PageDrawing(1200, 560)
    if style == "shaded":
        for row in (0, 1, 3, 5):
            sheet.draw.rectangle((XS[0], YS[row], XS[-1], YS[row + 1]), fill=(230, 235, 246))
    for row, column, tall, wide, text in CELLS:
        frame = (XS[column], YS[row], XS[column + wide], YS[row + tall])
        if style == "ruled":
            sheet.draw.rectangle(frame, outline="black", width=2)
        lines = text.split("\n") if text else []
        for index, line in enumerate(lines):
            sheet.write(line, frame[0] + 10, (frame[1] + frame[3]) / 2 - 12 * len(lines) + 24 * index, 18)
    if style == "light":
        for y in (YS[0], YS[2], YS[-1]):
            sheet.draw.line((XS[0], y, XS[-1], y), "grey", 1)
    return sheet


def build(style: str) -> Table:
    text = draw(style).text
    table = build_table(text.lines, (XS[0], YS[0], XS[-1], YS[-1]), 0.9, 0, text.pixels)
    assert table is not None
    return table


@pytest.mark.parametrize("style", ["ruled", "light", "shaded"])
def test_heads_and_cells_of_two_lines_are_whole(style: str) -> None:
    found = {(one.row, one.column, one.row_span, one.column_span, one.text) for one in build(style).cells}

    assert found == {(*place, text.replace("\n", " ")) for *place, text in CELLS}


@pytest.mark.parametrize("style", ["ruled", "light", "shaded"])
def test_both_rows_of_the_head_are_headers(style: str) -> None:
    assert {cell.row for cell in build(style).cells if cell.is_header} == {0, 1}


def test_lines_of_names_of_columns_are_one_row() -> None:
    sheet = PageDrawing(900, 400)
    heads = [["System", "Schools", "Schools"], ["of the state", "found weak", "found sound"]]
    for row, texts in enumerate([*heads, ["Low", "34%", "3%"], ["Middle", "11%", "33%"], ["High", "2%", "18%"]]):
        for column, text in enumerate(texts):
            sheet.write(text, 60 + 260 * column, 40 + (28 * row if row < 2 else 44 * row), 18)
    table = build_table(sheet.text.lines, (40, 30, 860, 260), 0.9, 0, sheet.text.pixels)

    assert table is not None
    assert [cell.text for cell in table.cells if cell.row == 0] == [
        "System of the state",
        "Schools found weak",
        "Schools found sound",
    ]


def test_rows_whose_first_cell_reads_on_are_one_row() -> None:
    sheet = PageDrawing(900, 400)
    rows = [
        ("Thing", "What it costs", 40),
        ("Travel and", "Tickets for the bus, which", 90),
        ("other trips", "differ from town to town", 116),
        ("Books", "Pens and paper as well", 166),
        ("Rent", "Heating is counted", 216),
        ("Food", "Meals in the hall", 266),
    ]
    for name, text, y in rows:
        sheet.write(name, 60, y, 18)
        sheet.write(text, 320, y, 18)
    table = build_table(sheet.text.lines, (40, 30, 860, 300), 0.9, 0, sheet.text.pixels)

    assert table is not None
    assert [cell.text for cell in table.cells if cell.row == 1] == [
        "Travel and other trips",
        "Tickets for the bus, which differ from town to town",
    ]


def test_rows_with_an_amount_are_no_lines_of_the_head() -> None:
    sheet = PageDrawing(900, 300)
    rows = [["Payee", "Work", "Amount"], ["J. Bain", "Director", "37,499.96"], ["A. Smith", "Writer", "21,000.00"]]
    for row, texts in enumerate([*rows, ["D. Armer", "Clerk", "12,111.06"]]):
        for column, text in enumerate(texts):
            sheet.write(text, 60 + 260 * column, 40 + 26 * row, 18)
    table = build_table(sheet.text.lines, (40, 30, 860, 160), 0.9, 0, sheet.text.pixels)

    assert table is not None
    assert table.rows == 4


def test_a_long_name_stays_apart_from_the_name_beside_it() -> None:
    sheet = PageDrawing(1100, 300)
    for text, x in [("Date", 60), ("Amount debited EUR", 420), ("Amount credited EUR", 660)]:
        sheet.write(text, x, 40, 18)
    for row, (date, debit, credit) in enumerate(
        [("02.01.", "84,50", ""), ("03.01.", "", "41,17"), ("04.01.", "9,20", "1")]
    ):
        y = 80 + 40 * row
        sheet.write(date, 60, y, 18)
        if debit:
            sheet.write(debit, 545, y, 18)
        if credit:
            sheet.write(credit, 795, y, 18)
    table = build_table(sheet.text.lines, (40, 30, 1000, 220), 0.9, 0, sheet.text.pixels)

    assert table is not None
    assert [cell.text for cell in table.cells if cell.row == 0] == ["Date", "Amount debited EUR", "Amount credited EUR"]
