"""Boxes of slides: each heading with what is under it."""

import pytest

from pipelines.documents.stages import LayoutBlock
from pipelines.documents.structure.assemble import assemble_regions
from pipelines.documents.types import Region
from tests.pipelines.documents.drawn_pages import PageDrawing

SLIDE = {
    "Aims": ("Fewer returns", "Shorter queues"),
    "Money": ("Vans: 80,000 euros", "Rent: 12,500 euros", "Training: 900 euros"),
    "Dangers": ("A late permit", "Two open posts"),
    "Then": ("Open on 1 June", "Report in autumn"),
}


def draw_slide(columns: int, *, bullet: str = "• ", head: int = 40, item: int = 30) -> PageDrawing:
    """Boxes row by row, `columns` in each."""
    sheet = PageDrawing(1800, 1200)
    sheet.write("Plan of the depot", 100, 60, 60)
    for number, (heading, items) in enumerate(SLIDE.items()):
        x, y = 100 + 1700 // columns * (number % columns), 220 + 420 * (number // columns)
        sheet.write(heading, x, y, head)
        for row, text in enumerate(items):
            sheet.write(f"{bullet}{text}", x, y + 90 + 65 * row, item)
    return sheet


def read_slide(sheet: PageDrawing, *blocks: LayoutBlock) -> list[str]:
    regions: list[Region] = assemble_regions(sheet.text, list(blocks))[0]
    return [line.text.removeprefix("• ") for region in regions for line in region.lines]


EXPECTED = ["Plan of the depot", *(text for heading, items in SLIDE.items() for text in (heading, *items))]


@pytest.mark.parametrize("columns", [2, 4])
@pytest.mark.parametrize("bullet", ["• ", ""])
def test_a_slide_is_read_box_by_box(columns: int, bullet: str) -> None:
    assert read_slide(draw_slide(columns, bullet=bullet)) == EXPECTED


def test_bullets_alone_tell_boxes_from_a_form() -> None:
    assert read_slide(draw_slide(2, head=30)) == EXPECTED


def test_headings_of_boxes_are_titles() -> None:
    regions = assemble_regions(draw_slide(2).text, [])[0]

    assert [region.lines[0].text for region in regions if region.label == "title"] == list(SLIDE)


def test_heads_as_large_as_their_cells_are_those_of_a_table() -> None:
    sheet = PageDrawing()
    for row, cells in enumerate([("Name", "Town", "Since"), ("Ada", "Bath", "2001"), ("Ben", "Hull", "1997")] * 2):
        for column, text in enumerate(cells):
            sheet.write(text, 150 + 300 * column, 200 + 60 * row)

    assert assemble_regions(sheet.text, [])[0][0].label == "table"


def test_messages_of_two_sides_are_read_in_turn_with_sender_and_time() -> None:
    sheet, expected = PageDrawing(900, 1200), []
    for row, (sender, message) in enumerate(
        [("Anna", "Are you there"), ("", "At six"), ("Anna", "Good"), ("", "Keys?")]
    ):
        x, y = (60, 60 + 200 * row) if sender else (600, 60 + 200 * row)
        if sender:
            sheet.write(sender, x, y, 16, bold=True)
        sheet.write(message, x, y + 30, 24)
        sheet.write(f"10:3{row}", x + 170, y + 66, 14)
        expected += [sender, message, f"10:3{row}"] if sender else [message, f"10:3{row}"]

    regions = assemble_regions(sheet.text, [])[0]

    assert [line.text for region in regions for line in region.lines] == expected
