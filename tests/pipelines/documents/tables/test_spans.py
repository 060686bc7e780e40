"""Cells that span rows in tables without lines around them, and lookalikes that do not."""

from collections.abc import Sequence

import pytest

from pipelines.documents.tables import build_table
from pipelines.documents.types import Table
from tests.pipelines.documents.drawn_pages import PageDrawing

Text = tuple[float, float, str]  # row and column may be fractions: between two

HEADER: list[Text] = [(0, 0, "Group"), (0, 1, "Name"), (0, 2, "First"), (0, 3, "Second")]


def values(rows: Sequence[int], columns: Sequence[int]) -> list[Text]:
    return [(row, column, f"{row}.{column}5") for row in rows for column in columns]


def names(*texts: str, column: int = 1) -> list[Text]:
    return [(row, column, text) for row, text in enumerate(texts, 1)]


def draw_table(texts: Sequence[Text], lines: Sequence[tuple[float, float, float]] = (), pitch: float = 44) -> Table:
    """`lines`: above which row, from column to column."""
    height = 20 + pitch * (max(row for row, _, _ in texts) + 1)
    sheet = PageDrawing(40 + 150 * (int(max(column for _, column, _ in texts)) + 1), int(height) + 20)
    for row, column, text in texts:
        sheet.write(text, 30 + 150 * column, 20 + pitch * row, 18)
    for row, start, end in lines:
        y = 10 + pitch * row
        sheet.draw.line((20 + 150 * start, y, 150 * end, y), "black", 2)
    table = build_table(sheet.lines, (10, 10, sheet.width - 10, sheet.height - 10), 0.9, 0, sheet.text.pixels)
    assert table is not None
    return table


def row_spans(table: Table) -> list[tuple[int, int, int, str]]:
    """Row, column, row span and text of the cells that span several rows."""
    return [(one.row, one.column, one.row_span, one.text) for one in table.cells if one.row_span > 1]


def test_a_label_in_the_middle_of_rows_spans_them() -> None:
    texts = [*HEADER, (1.5, 0, "Men"), (4, 0, "Women"), (6, 0, "All"), *values(range(1, 7), (2, 3))]
    table = draw_table([*texts, *names("Young", "Old", "Young", "Grown", "Old", "Any")])

    assert row_spans(table) == [(1, 0, 2, "Men"), (3, 0, 3, "Women")]
    assert '<tr><td rowspan="2">Men</td><td>Young</td><td>1.25</td><td>1.35</td></tr>' in table.html
    assert "<tr><td>Old</td><td>2.25</td><td>2.35</td></tr>" in table.html
    assert table.rows == 7
    assert table.columns == 4


def test_lines_of_a_label_between_rules_are_one_cell() -> None:
    labels: list[Text] = [(1.5, 0, "Men"), (2.5, 0, "of age"), (5, 0, "Women")]
    rules = [(1, 0, 4), (4, 0, 4), (7, 0, 4)]
    texts = [*HEADER, *labels, *names("Young", "Grown", "Old", "Young", "Grown", "Old"), *values(range(1, 7), (2, 3))]

    assert row_spans(draw_table(texts, rules)) == [(1, 0, 3, "Men of age"), (4, 0, 3, "Women")]


def test_a_value_between_two_rows_belongs_to_both() -> None:
    texts = [*HEADER, *names("Men", "Women", "Young", "Old", column=0), *values(range(1, 5), (1, 2))]

    assert row_spans(draw_table([*texts, (1.5, 3, "0.01"), (3.5, 3, "0.02")])) == [(1, 3, 2, "0.01"), (3, 3, 2, "0.02")]


@pytest.mark.parametrize("level", [0, 0.5], ids=["top", "middle"])
def test_a_name_beside_headings_over_several_columns_spans_their_rows(level: float) -> None:
    heads: list[Text] = [(level, 0, "Name"), (0, 1.4, "Men"), (0, 3.4, "Women")]
    leaves: list[Text] = [(1, 1, "First"), (1, 2, "Second"), (1, 3, "First"), (1, 4, "Second")]
    rows = [*names("Weight", "Length", "Age", column=0), *values(range(1, 4), (1, 2, 3, 4))]
    body = [(row + 1, column, text) for row, column, text in rows]
    table = draw_table([*heads, *leaves, *body], [(1, 1, 2.9), (1, 3, 5)])

    assert row_spans(table) == [(0, 0, 2, "Name")]
    assert [one.text for one in table.cells if one.column_span == 2] == ["Men", "Women"]


def test_labels_at_the_top_of_named_rows_span_them() -> None:
    texts = [*HEADER, (1, 0, "Men"), (3, 0, "Women"), (6, 0, "All"), *values(range(1, 7), (2, 3))]

    assert row_spans(draw_table([*texts, *names("Young", "Old", "Young", "Grown", "Old", "Any")])) == [
        (1, 0, 2, "Men"),
        (3, 0, 3, "Women"),
    ]


def test_labels_at_the_top_of_ruled_groups_span_them() -> None:
    texts = [*HEADER, (1, 0, "Men"), (4, 0, "Women"), *values(range(1, 7), (1, 2, 3))]

    assert row_spans(draw_table(texts, [(1, 0, 4), (4, 0, 4)])) == [(1, 0, 3, "Men"), (4, 0, 3, "Women")]


SECTIONS: list[Text] = [*HEADER, *names("Men", "Young", "Old", "Women", "Young", "Old", column=0)]
WRAPPED: list[Text] = [
    *HEADER,
    (1, 0, "Men and"),
    (1.5, 0, "boys"),
    (3, 0, "Women"),
    (4, 0, "All of"),
    (4.5, 0, "them"),
]
ROWS, FIVE = range(1, 5), range(1, 6)
PLAIN = names("Men", "Women", "Young", "Old", column=0)
LOOKALIKES: dict[str, list[Text]] = {
    "sections": [*SECTIONS, *values((2, 3, 5, 6), (1, 2, 3))],
    "sections of one row": [*SECTIONS, *values((2, 4, 6), (1, 2, 3))],
    "wrapped names": [*WRAPPED, *values((1, 3, 4), (1, 2, 3))],
    "an empty place": [*HEADER, (1, 0, "Men"), (3, 0, "Old"), *names("A", "B", "C"), *values((1, 2, 3), (2, 3))],
    "empty places beside numbers": [*HEADER, (1, 0, "Men"), (3, 0, "Old"), *values(ROWS, (1, 2, 3))],
    "numbers of items": [*HEADER, (1, 0, "2"), (3, 0, "7"), *names("Tea", "Ham", "Pie", "Jam"), *values(ROWS, (3,))],
    "labels at the bottom": [*HEADER, (2, 0, "Men"), (4, 0, "Old"), *names("A", "B", "C", "D"), *values(ROWS, (2, 3))],
    "ends of groups": [*HEADER, (1, 0, "Men"), (3, 0, "Old"), (5, 0, "All"), *names(*"ABCDE"), *values(FIVE, (2, 3))],
    "scattered values": [*HEADER, *PLAIN, *values(ROWS, (1,)), *values((2,), (2, 3)), *values((4,), (3,))],
    "units": [*HEADER, (1, 1, "kg"), (1, 2, "mm"), (1, 3, "s"), *values((2, 3, 4), (0, 1, 2, 3))],
}  # fmt: skip


@pytest.mark.parametrize("texts", LOOKALIKES.values(), ids=LOOKALIKES)
@pytest.mark.parametrize("pitch", [30, 44])
def test_lookalikes_of_spanning_cells_span_nothing(texts: list[Text], pitch: float) -> None:
    assert row_spans(draw_table(texts, pitch=pitch)) == []


def test_a_name_under_an_empty_place_spans_nothing() -> None:
    heads: list[Text] = [(1, 0, "Name"), (0, 1.4, "Men"), (1, 1, "First"), (1, 2, "Second")]
    rows: list[Text] = [(2, 0, "Weight"), (3, 0, "Length"), *values((2, 3), (1, 2))]

    assert row_spans(draw_table([*heads, *rows], [(1, 1, 3)])) == []


def test_no_word_is_lost_where_rows_are_joined() -> None:
    texts = [*HEADER, (1.5, 0, "Men"), (2.6, 0, "and"), (3.4, 0, "Women"), *values(range(1, 5), (1, 2, 3))]
    table = draw_table(texts)

    assert sorted(" ".join(one.text for one in table.cells).split()) == sorted(text for _, _, text in texts)
