"""Names of columns that are turned by a quarter, up or down, in one line or two, with rules and without."""

import numpy as np
import pytest

from pipelines.documents.stages import TextLine, TextWord
from pipelines.documents.tables import build_table
from pipelines.documents.tables.tokens import find_turn
from pipelines.documents.types import Table
from tests.pipelines.documents.drawn_pages import PageDrawing

HEADS = ["Welding", "Forklift driver", "Crane", "First aid", "Paint shop"]
PEOPLE = ["Ann Berg", "Bo Dahl", "Carl Eng", "Dora Falk"]
TOP, FOOT, THICKNESS = 100.0, 260.0, 24.0
COLUMNS = [300.0 + 80 * at for at in range(len(HEADS))]


def turn_line(text: str, x: float, *, runs_up: bool) -> TextLine:
    """A line in a strip of THICKNESS from `x` on, that ends above the foot of the heads, or begins at their top."""
    length = 10.0 * len(text)
    y0, y1 = (FOOT - length, FOOT) if runs_up else (TOP, TOP + length)
    corners = [(x, y1), (x, y0), (x + THICKNESS, y0), (x + THICKNESS, y1)]
    if not runs_up:
        corners = [(x + THICKNESS, y0), (x + THICKNESS, y1), (x, y1), (x, y0)]
    box = (x, y0, x + THICKNESS, y1)
    words = tuple(TextWord(word, box, 0.99) for word in text.split())
    return TextLine(text, np.array(corners, np.float32), 0.99, words)


def draw_skills(*, runs_up: bool, is_ruled: bool, in_two_lines: bool) -> PageDrawing:
    sheet = PageDrawing(900, 500)
    for x, head in zip(COLUMNS, HEADS, strict=True):
        parts = head.split() if in_two_lines else [head]
        steps = range(len(parts)) if runs_up else range(len(parts) - 1, -1, -1)
        for part, step in zip(parts, steps, strict=True):
            left = x + 18 - THICKNESS * len(parts) / 2 + THICKNESS * step
            sheet.lines.append(turn_line(part, left, runs_up=runs_up))
    sheet.write("Name", 110, FOOT - 26)
    for row, person in enumerate(PEOPLE):
        sheet.write(person, 110, FOOT + 10 + 40 * row)
        for column, x in enumerate(COLUMNS):
            sheet.write(str((row * 7 + column * 3) % 9), x + 12, FOOT + 10 + 40 * row)
    if is_ruled:
        for y in (TOP - 5, *(FOOT + 4 + 40 * row for row in range(5))):
            sheet.draw.line((100, y, 700, y), "black", 2)
        for x in (100, *(x - 22 for x in COLUMNS), 700):
            sheet.draw.line((x, TOP - 5, x, FOOT + 164), "black", 2)
    return sheet


def read_table(sheet: PageDrawing) -> list[list[str]]:
    table: Table | None = build_table(sheet.lines, (95, 90, 705, 430), 0.9, 0, sheet.text.pixels)
    assert table is not None
    rows = [[""] * table.columns for _ in range(table.rows)]
    for cell in table.cells:
        rows[cell.row][cell.column] = cell.text
    return rows


@pytest.mark.parametrize("in_two_lines", [False, True], ids=["one line", "two lines"])
@pytest.mark.parametrize("is_ruled", [False, True], ids=["open", "ruled"])
@pytest.mark.parametrize("runs_up", [True, False], ids=["up", "down"])
def test_turned_heads_name_their_columns(runs_up: bool, is_ruled: bool, in_two_lines: bool) -> None:
    rows = read_table(draw_skills(runs_up=runs_up, is_ruled=is_ruled, in_two_lines=in_two_lines))

    assert rows[0] == ["Name", *HEADS]
    assert rows[1] == ["Ann Berg", "0", "3", "6", "0", "3"]
    assert len(rows) == 5


def test_narrow_columns_keep_their_own_turned_heads() -> None:
    sheet = PageDrawing(900, 500)
    for column, head in enumerate(["Monday", "Tuesday", "Friday"]):
        sheet.lines.append(turn_line(head, 300 + 36 * column, runs_up=True))
        for row in range(4):
            sheet.write(str(row + column), 306 + 36 * column, FOOT + 10 + 40 * row)
    for row, person in enumerate(PEOPLE):
        sheet.write(person, 110, FOOT + 10 + 40 * row)

    assert read_table(sheet)[0] == ["", "Monday", "Tuesday", "Friday"]


def test_a_single_character_tells_no_turn() -> None:
    assert find_turn(turn_line("1", 100, runs_up=True)) == 0
    assert find_turn(turn_line("17", 100, runs_up=True)) == 270
