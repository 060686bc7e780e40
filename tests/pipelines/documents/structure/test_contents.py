"""Entries of tables of contents and price lists: title and number together, whatever became of the dots."""

from collections.abc import Sequence

import pytest

from pipelines.documents.stages import LayoutBlock
from pipelines.documents.structure.assemble import assemble_regions
from pipelines.documents.types import Region
from tests.pipelines.documents.drawn_pages import PageDrawing

ENTRIES = (
    ("1 Before you begin", "3"), ("1.1 The parts", "4"), ("2 Building the shed", "11"), ("2.1 The roof", "25"),
    ("Appendix B: Tools", "40"), ("Index", "44"),
)  # fmt: skip


def draw_entries(
    entries: Sequence[tuple[str, str]] = ENTRIES, *, are_dots_read: bool = True, dots: str = " .", pitch: int = 40
) -> PageDrawing:
    """Titles, dots and numbers; a reader that does not read dots finds titles and numbers only."""
    sheet = PageDrawing()
    for row, (title, number) in enumerate(entries):
        y = 200 + pitch * row
        line = sheet.write(title, 150, y)
        if dots:
            leader = sheet.write((dots * 80)[: round((1000 - line.box[2]) / 6)].strip(), line.box[2] + 10, y)
            sheet.lines.remove(leader)
            if are_dots_read:
                sheet.lines.remove(line)
                sheet.write(f"{line.text} {leader.text}", 150, y)
        sheet.write(number, 1080 - 11 * len(number), y)
    return sheet


def regions_of(sheet: PageDrawing, *blocks: LayoutBlock) -> list[Region]:
    return assemble_regions(sheet.text, list(blocks))[0]


def entry_texts(region: Region) -> list[str]:
    return [" ".join(line.text.replace(".", " ").split()) for line in region.lines]


EXPECTED = [" ".join(f"{title} {number}".replace(".", " ").split()) for title, number in ENTRIES]


@pytest.mark.parametrize("are_dots_read", [True, False])
@pytest.mark.parametrize("dots", [".", " ."])
def test_entries_have_their_numbers_whether_dots_are_read(are_dots_read: bool, dots: str) -> None:
    [contents] = regions_of(draw_entries(are_dots_read=are_dots_read, dots=dots))

    assert contents.label == "list"
    assert entry_texts(contents) == EXPECTED


def test_a_list_of_entries_mistaken_for_a_table_is_a_list() -> None:
    table = LayoutBlock("table", (140, 190, 1000, 430), 0.9)

    assert [region.label for region in regions_of(draw_entries(are_dots_read=False), table)] == ["list"]


def test_prices_stay_with_their_dishes() -> None:
    menu = (("Soup of the day", "4.50"), ("Grilled herring", "12.80"), ("Apple cake", "5.20"))

    [region] = regions_of(draw_entries(menu, are_dots_read=False))

    assert [line.text for line in region.lines] == [f"{dish} {price}" for dish, price in menu]


def test_entries_without_dots_are_joined_under_a_contents_heading() -> None:
    sheet = draw_entries(dots="")
    sheet.write("Contents", 150, 120, 32)

    heading, contents = regions_of(sheet)

    assert heading.lines[0].text == "Contents"
    assert entry_texts(contents) == EXPECTED


def test_falling_numbers_are_no_page_numbers() -> None:
    sheet = draw_entries(tuple(zip([title for title, _ in ENTRIES], "987654", strict=True)), dots="")
    sheet.write("Contents", 150, 120, 32)

    assert all(len(line.words) < 5 and line.text[-2:] != " 9" for region in regions_of(sheet) for line in region.lines)


def test_columns_of_numbers_after_leaders_stay_a_table() -> None:
    sheet = PageDrawing()
    for row in range(5):
        label = sheet.write(f"Revenue {'abcde'[row]} . . . . . . . . . . . .", 100, 200 + 40 * row)
        for column in range(3):
            sheet.write(f"{row + column}{column}0", 600 + 200 * column, 200 + 40 * row)
        assert label.box[2] < 600

    assert all("0 " not in line.text for region in regions_of(sheet) for line in region.lines)


def test_a_page_number_beside_the_heading_is_no_entry() -> None:
    sheet = draw_entries(are_dots_read=False)
    sheet.write("Contents", 150, 100)
    sheet.write("xi", 1060, 100)

    contents = regions_of(sheet)[-1]

    assert entry_texts(contents) == EXPECTED


def test_a_wrapped_title_stays_with_its_number() -> None:
    sheet = draw_entries(pitch=90, are_dots_read=False)
    sheet.write("2 Building the shed from what is left of the fence, with a note on", 150, 352)

    [contents] = regions_of(sheet)

    assert [line.text for line in contents.lines][2:4] == [
        "2 Building the shed from what is left of the fence, with a note on", "2 Building the shed 11",
    ]  # fmt: skip


def test_dates_on_an_axis_are_no_entries() -> None:
    sheet = PageDrawing()
    for row in range(4):
        for column, month in enumerate(("JAN-13", "MAY-13", "SEP-13")):
            sheet.write(month, 150 + 300 * column, 200 + 80 * row)
            for tick in range(8):
                sheet.draw.rectangle(
                    (240 + 300 * column + 20 * tick, 214 + 80 * row, 243 + 300 * column + 20 * tick, 217 + 80 * row),
                    fill="black",
                )

    assert all(len(line.words) == 1 for region in regions_of(sheet) for line in region.lines)
