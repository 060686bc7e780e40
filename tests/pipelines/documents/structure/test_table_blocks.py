"""Tables of which the layout model draws halves, or lacks the head, and a page's furniture beside them."""

import pytest

from pipelines.documents.stages import LayoutBlock
from pipelines.documents.structure.assemble import assemble_regions
from pipelines.documents.structure.table_blocks import join_halves
from tests.pipelines.documents.drawn_pages import PageDrawing

XS = (120, 280, 620, 800, 980)
NAMES = ["Date", "Details", "Paid out", "Paid in", "Balance"]
LEFT = LayoutBlock("table", (100, 200, 560, 800), 0.5)
RIGHT = LayoutBlock("table", (600, 200, 1150, 800), 0.7)
RIGHT_ONLY = (RIGHT,)


def draw_statement(*, with_last_row: bool = False) -> PageDrawing:
    """Records of two lines in five columns, under a heading and a page number side by side."""
    sheet = PageDrawing()
    sheet.write("Harbour Bank", 120, 90, 26, bold=True)
    sheet.write("Statement 7 Page 2 of 3", 850, 94)
    for x, text in zip(XS, NAMES, strict=True):
        sheet.write(text, x, 210)
    y = 250
    for at in range(9):
        texts = (f"{at + 3:02d} May", "Card payment", f"{at}1.50", "", f"{900 - at}.10")
        for x, text in zip(XS, texts, strict=True):
            if text:
                sheet.write(text, x, y)
        sheet.write(f"Reference {at * 7919 + 1000}", XS[1], y + 24)
        y += 62
    if with_last_row:
        sheet.write("Balance carried forward", XS[1], y)
        sheet.write("892.10", XS[4], y)
    return sheet


def read_tables(sheet: PageDrawing, *blocks: LayoutBlock) -> list[list[list[str]]]:
    found = []
    for table in assemble_regions(sheet.text, list(blocks))[1]:
        rows = [[""] * table.columns for _ in range(table.rows)]
        for cell in table.cells:
            rows[cell.row][cell.column] = cell.text
        found.append(rows)
    return found


@pytest.mark.parametrize("blocks", [(), (RIGHT, LEFT), RIGHT_ONLY], ids=["none", "two halves", "one half"])
def test_a_statement_is_one_table_whatever_the_model_saw(blocks: tuple[LayoutBlock, ...]) -> None:
    [rows] = read_tables(draw_statement(), *blocks)

    assert rows[0] == NAMES
    assert rows[1] == ["03 May", "Card payment Reference 1000", "01.50", "", "900.10"]
    assert len(rows) == 10


def test_a_row_without_a_date_breaks_no_records() -> None:
    [rows] = read_tables(draw_statement(with_last_row=True), RIGHT, LEFT)

    assert rows[-2][1] == "Card payment Reference 64352"
    assert rows[-1] == ["", "Balance carried forward", "", "", "892.10"]


def test_texts_that_stand_apart_above_the_rows_are_no_row() -> None:
    regions, _, _ = assemble_regions(draw_statement().text, [])

    assert [region.label for region in regions].count("table") == 1
    assert "Harbour Bank" in [line.text for region in regions if region.label != "table" for line in region.lines]


def test_a_table_that_another_covers_is_part_of_it() -> None:
    middle = LayoutBlock("table", (110, 210, 800, 790), 0.4)

    [joined] = join_halves([RIGHT, LEFT, middle], [])

    assert joined.box == (100, 200, 1150, 800)


def test_tables_side_by_side_stay_apart() -> None:
    assert join_halves([RIGHT, LEFT], []) == [RIGHT, LEFT]


def test_small_tables_on_a_page_of_one_stay_apart() -> None:
    page = LayoutBlock("table", (80, 180, 1200, 1700), 0.4)

    assert join_halves([RIGHT, page], []) == [RIGHT, page]


def test_columns_of_running_text_are_no_halves_of_a_table() -> None:
    sheet = PageDrawing()
    sheet.paragraph(120, 220, 620, 12)
    sheet.paragraph(660, 220, 1120, 12)
    blocks = [LayoutBlock("table", (100, 200, 700, 800), 0.6), LayoutBlock("table", (600, 200, 1150, 800), 0.5)]

    assert join_halves(blocks, sheet.lines) == blocks
    assert len(join_halves(blocks, [])) == 1


def draw_years(*, underline: tuple[int, int] = (360, 1100)) -> PageDrawing:
    """Two years over two columns each, one line under both."""
    sheet = PageDrawing()
    sheet.write("2023", 490, 200)
    sheet.write("2024", 870, 200)
    sheet.draw.line((underline[0], 232, underline[1], 232), "black", 2)
    for row in range(7):
        texts = (
            [f"Region {row}", *(f"{row * 7 + at}00" for at in range(4))] if row else ["Region", *["Sales", "Cost"] * 2]
        )
        for x, text in zip((120, 400, 590, 780, 970), texts, strict=True):
            sheet.write(text, x, 240 + 36 * row)
    return sheet


def test_a_header_side_by_side_above_a_table_is_no_head() -> None:
    table, header = LayoutBlock("table", (100, 236, 1120, 490), 0.9), LayoutBlock("header", (480, 190, 930, 230), 0.5)
    [found] = assemble_regions(draw_years().text, [table, header])[1]

    assert "2023" not in [cell.text for cell in found.cells]


def test_a_head_above_the_models_table_belongs_to_it() -> None:
    [table] = assemble_regions(draw_years().text, [LayoutBlock("table", (100, 236, 1120, 490), 0.9)])[1]

    assert [(cell.text, cell.column, cell.column_span) for cell in table.cells if cell.row == 0 and cell.text] == [
        ("2023", 1, 2),
        ("2024", 3, 2),
    ]
    assert {cell.row for cell in table.cells if cell.is_header} == {0, 1}
