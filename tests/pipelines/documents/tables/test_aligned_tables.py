"""Tables without lines: found by the alignment of their texts, apart from the prose around them."""

from collections.abc import Sequence

import pytest

from pipelines.documents.stages import LayoutBlock
from pipelines.documents.structure.assemble import assemble_regions
from pipelines.documents.types import Region, Table
from tests.pipelines.documents.drawn_pages import PageDrawing

Rows = Sequence[Sequence[str]]

PRICES = [
    ["Service", "Duration", "Price"],
    ["Dyeing", "85 min", "61.50"],
    ["Trim", "20 min", "17.00"],
    ["Perm", "95 min", "72.25"],
    ["Advice", "10 min", "free"],
]
TIMES = [
    ["Line", "From", "To", "Leaves", "Arrives"],
    ["S 12", "Torgau", "Eilenburg", "06:41", "07:03"],
    ["RE 4", "Eilenburg", "Leipzig", "07:15", "07:44"],
    ["RE 4", "Leipzig", "Halle", "08:02", "08:31"],
]
STATEMENT = [
    ["Date", "Text", "Amount", "Balance"],
    ["03.02.", "Opening balance", "", "512.40"],
    ["05.02.", "Rent for February", "-480.00", "32.40"],
    ["06.02.", "Wages", "1,935.12", "1,967.52"],
    ["11.02.", "Telephone", "-24.99", "1,942.53"],
]
PATIENT = [
    ["Name", "Ilse Brandt"],
    ["Date of birth", "02.11.1971"],
    ["Insurance no.", "K 881 204 553"],
    ["Ward", "7 East"],
    ["Diagnosis", "J20.9 acute bronchitis"],
]
PEOPLE = [
    ["Ola Berg", "Sales", "o.berg@example.org", "030 771 20"],
    ["Pia Dahl", "Repairs", "p.dahl@example.org", "030 771 21"],
    ["Tom Lunde", "Accounts", "t.lunde@example.org", "030 771 22"],
]


def write_rows(sheet: PageDrawing, rows: Rows, y: float, step: float = 36, width: float = 210) -> float:
    for row in rows:
        for column, text in enumerate(row):
            if text:
                sheet.write(text, 150 + width * column, y)
        y += step
    return y


def read_rows(table: Table) -> list[list[str]]:
    rows = [[""] * table.columns for _ in range(table.rows)]
    for cell in table.cells:
        rows[cell.row][cell.column] = cell.text
    return rows


def read_page(sheet: PageDrawing, *blocks: LayoutBlock) -> tuple[list[Region], list[list[list[str]]]]:
    regions, tables, _ = assemble_regions(sheet.text, list(blocks))
    return regions, [read_rows(table) for table in tables]


def draw_letter(rows: Rows) -> PageDrawing:
    """Two paragraphs with a table between them."""
    sheet = PageDrawing()
    sheet.paragraph(150, 200, 1090, 3)
    end = write_rows(sheet, rows, 320)
    sheet.paragraph(150, end + 24, 1090, 3, seed=1)
    return sheet


@pytest.mark.parametrize(
    "rows",
    [PRICES, TIMES, STATEMENT, PATIENT, PEOPLE],
    ids=["price-list", "timetable", "statement", "names-and-values", "contacts"],
)
def test_a_small_table_in_a_letter_is_found_without_its_prose(rows: Rows) -> None:
    regions, tables = read_page(draw_letter(rows))

    assert tables == [[list(row) for row in rows]]
    assert [region.label for region in regions if region.label != "header"] == ["text", "table", "text"]


def test_a_table_in_one_text_block_of_the_model_is_found() -> None:
    block = LayoutBlock("text", (120, 300, 1110, 540), 0.98)

    assert read_page(draw_letter(PRICES), block)[1] == [PRICES]


def test_a_table_mistaken_for_a_figure_is_a_table() -> None:
    block = LayoutBlock("figure", (130, 310, 1000, 520), 0.8)

    assert read_page(draw_letter(STATEMENT), block)[1] == [STATEMENT]


def test_texts_in_a_sure_figure_are_no_table() -> None:
    block = LayoutBlock("figure", (130, 310, 1000, 520), 0.95)

    assert read_page(draw_letter(STATEMENT), block)[1] == []


def draw_statement_of_records() -> PageDrawing:
    """Dates, texts of two lines, debit and credit; some second lines are mostly digits."""
    sheet = PageDrawing()
    sheet.write("Account statement", 150, 150, 30)
    for column, text in enumerate(["Date", "Text", "Debit", "Credit"]):
        sheet.write(text, (150, 290, 800, 980)[column], 260)
    records = [
        ("03.03.2025", "Direct debit CITY WORKS", "440-7718204-11 INVOICE 52", "61,75", ""),
        ("05.03.2025", "Wages BRANDT & SONS", "MARCH 2025 STAFF NO 318", "", "2.204,90"),
        ("09.03.2025", "Card GREEN MARKET", "2025-03-08T10:12 7710 2028", "28,14", ""),
        ("14.03.2025", "Standing order RENT", "HARBOUR STREET 9", "730,00", ""),
    ]
    for index, (date, text, more, debit, credit) in enumerate(records):
        y = 300 + 66 * index
        sheet.write(date, 150, y)
        sheet.write(text, 290, y)
        sheet.write(more, 290, y + 26)
        if debit:
            sheet.write(debit, 800, y)
        if credit:
            sheet.write(credit, 980, y)
    sheet.write("Balance on 31.03.2025: 1.385,01", 150, 620)
    return sheet


def test_debit_and_credit_stay_with_descriptions_of_two_lines() -> None:
    _, tables = read_page(draw_statement_of_records())

    assert tables == [
        [
            ["Date", "Text", "Debit", "Credit"],
            ["03.03.2025", "Direct debit CITY WORKS 440-7718204-11 INVOICE 52", "61,75", ""],
            ["05.03.2025", "Wages BRANDT & SONS MARCH 2025 STAFF NO 318", "", "2.204,90"],
            ["09.03.2025", "Card GREEN MARKET 2025-03-08T10:12 7710 2028", "28,14", ""],
            ["14.03.2025", "Standing order RENT HARBOUR STREET 9", "730,00", ""],
        ]
    ]


def test_the_closing_balance_is_no_row_of_the_table() -> None:
    regions, _ = read_page(draw_statement_of_records())

    assert regions[-1].label == "text"


def test_long_descriptions_under_names_are_their_cells() -> None:
    sheet = PageDrawing()
    write_rows(sheet, [["Item", "", "", "Count", "Price"]], 200)
    for index, name in enumerate(["Drawing", "Printing", "Binding"]):
        sheet.write(name, 150, 250 + 90 * index)
        sheet.write("the whole of the work that was agreed upon in spring", 150, 278 + 90 * index, 16)
        sheet.write(str(index + 1), 780, 250 + 90 * index)
        sheet.write(f"{index + 4}.50", 990, 250 + 90 * index)
    _, tables = read_page(sheet)

    assert [row[-2:] for row in tables[0] if row[-1]] == [
        ["Count", "Price"],
        ["1", "4.50"],
        ["2", "5.50"],
        ["3", "6.50"],
    ]


def test_address_lines_above_an_item_table_are_no_rows_of_it() -> None:
    sheet = PageDrawing()
    sheet.paragraph(150, 700, 1090, 3)
    lines = [("Invoice 7731", "Berg AS"), ("Customer 118", "Strandgata 4"), ("Order 5520", "Bergen"), ("Net", "Norway")]
    for index, (left, right) in enumerate(lines):
        sheet.write(left, 150, 200 + 30 * index)
        sheet.write(right, 790, 200 + 30 * index)
    items = [["Item", "Note", "Count", "Price"], ["Pump", "steel", "2", "41.00"], ["Seal", "small", "8", "1.20"]]
    write_rows(sheet, [*items, ["Valve", "brass", "1", "12.75"]], 350, step=30)
    _, tables = read_page(sheet)

    assert tables[0][0] == items[0]


@pytest.mark.parametrize("columns", [2, 3])
def test_columns_of_running_text_are_no_table(columns: int) -> None:
    sheet = PageDrawing()
    width = 1040 / columns
    for column in range(columns):
        sheet.paragraph(100 + width * column, 200, 100 + width * (column + 1) - 50, 20, seed=column)

    assert read_page(sheet)[1] == []


def test_lists_side_by_side_are_no_table() -> None:
    sheet = PageDrawing()
    rows = [["Goals", "Risks"], ["• Answer mail in a day", "• A key person leaves"], ["• Cut costs", "• New law"]]
    write_rows(sheet, [*rows, ["• Win 2 awards", "• Rent up 4 %"]], 300, width=500)

    assert read_page(sheet)[1] == []


def test_contents_with_page_numbers_are_no_table() -> None:
    sheet = PageDrawing()
    titles = ["Preface", "Safety first", "Mounting", "Operation", "Spare parts"]
    write_rows(sheet, [[title, "", "", "", str(3 + 4 * index)] for index, title in enumerate(titles)], 300)

    assert read_page(sheet)[1] == []


def test_numbered_equations_are_no_table() -> None:
    sheet = PageDrawing()
    rows = [["x = y + 2", "a < b", "(1)"], ["y = z - 4", "b < c", "(2)"], ["z = x + 9", "c < d", "(3)"]]
    write_rows(sheet, rows, 300, width=300)

    assert read_page(sheet)[1] == []


def test_numbers_of_a_drawing_are_no_table() -> None:
    sheet = PageDrawing()
    sheet.paragraph(150, 200, 1090, 4)
    write_rows(sheet, [[str(9 * row + column) for column in range(4)] for row in range(4)], 400)

    assert read_page(sheet)[1] == []


def test_a_source_below_a_table_is_text() -> None:
    sheet = PageDrawing()
    end = write_rows(sheet, PRICES, 300)
    sheet.write("Source: the list of prices that was printed in the month of May, page 2", 150, end + 4, 18)
    block = LayoutBlock("table", (140, 290, 900, end + 34), 0.9)
    regions, tables = read_page(sheet, block)

    assert tables == [PRICES]
    assert [region.label for region in regions][-1] != "table"
