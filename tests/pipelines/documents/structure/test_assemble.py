"""Regions from lines and blocks: no line is lost or doubled, and drawn pages are read as a person reads them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.boxes import Box, clip_box
from pipelines.documents.stages import LayoutBlock, PageText
from pipelines.documents.structure.assemble import assemble_regions
from pipelines.documents.types import Region, RegionLabel
from tests.pipelines.documents.drawn_pages import PageDrawing, make_line

LABELS: tuple[RegionLabel, ...] = (
    "text",
    "title",
    "figure",
    "table",
    "caption",
    "header",
    "footer",
    "reference",
    "formula",
)
SIDE = 600

boxes = st.builds(
    lambda x, y, width, height: (float(x), float(y), float(x + width), float(y + height)),
    *(st.integers(0, SIDE - 10), st.integers(0, SIDE - 10), st.integers(3, 500), st.integers(3, 300)),
)
texts = st.sampled_from(
    ["1.", "Total: 12", "Figure 1: a", "x = y + 1", "words of a sentence", "(3)", "• item", "[4] A"]
)


@st.composite
def lines(draw: st.DrawFn) -> list[tuple[str, Box]]:
    x0, y0, x1, y1 = draw(boxes)
    words = draw(texts).split()
    step = (x1 - x0) / len(words)
    return [(word, (x0 + index * step, y0, x0 + (index + 0.8) * step, y1)) for index, word in enumerate(words)]


blocks = st.builds(LayoutBlock, st.sampled_from(LABELS), boxes, st.floats(0.2, 1.0))


@settings(max_examples=150, deadline=None)
@given(st.lists(lines(), max_size=12), st.lists(blocks, max_size=6))
def test_every_word_is_in_one_region_and_order_counts_up(
    written: list[list[tuple[str, Box]]], proposed: list[LayoutBlock]
) -> None:
    text = PageText(np.full((SIDE, SIDE, 3), 255, np.uint8), tuple(make_line(words) for words in written))
    regions, _, _ = assemble_regions(text, sorted(proposed, key=lambda block: -block.score))
    words = [(word.text, word.box) for region in regions for line in region.lines for word in line.words]

    assert sorted(words) == sorted((word, box) for line in written for word, box in line)
    assert [region.order for region in regions] == list(range(len(regions)))


def regions_of(sheet: PageDrawing, *proposals: LayoutBlock) -> list[Region]:
    return assemble_regions(sheet.text, list(proposals))[0]


def first_texts(regions: list[Region]) -> list[str]:
    return [region.lines[0].text if region.lines else region.label for region in regions]


def draw_two_columns() -> PageDrawing:
    sheet = PageDrawing()
    sheet.write("Journal of drawn pages", 500, 40, 16)
    sheet.write("A title over both columns", 380, 140, 36)
    for x in (100, 660):
        y = 240.0
        for part in range(3):
            y = sheet.paragraph(x, y, x + 480, 8, seed=part)
    sheet.write("7", 615, 1700, 16)
    return sheet


def test_columns_are_read_in_turn_between_header_and_footer() -> None:
    regions = regions_of(draw_two_columns(), LayoutBlock("title", (370, 130, 880, 190), 0.9))
    places = [(region.label, region.box[0] > 600) for region in regions[2:-1]]

    assert [regions[0].label, regions[1].label, regions[-1].label] == ["header", "title", "footer"]
    assert places == [("text", False)] * 3 + [("text", True)] * 3


def test_one_block_is_split_into_its_paragraphs() -> None:
    sheet = PageDrawing()
    y = 200.0
    for part in range(3):
        y = sheet.paragraph(150, y, 1090, 6, seed=part)
    regions = regions_of(sheet, LayoutBlock("text", (140, 190, 1100, y), 0.95))

    assert [(region.label, len(region.lines)) for region in regions] == [("text", 6)] * 3


def test_lines_outside_all_blocks_become_text() -> None:
    sheet = PageDrawing()
    sheet.paragraph(150, 600, 1090, 5)

    assert [(region.label, len(region.lines)) for region in regions_of(sheet)] == [("text", 5)]


def test_a_caption_follows_its_figure_within_its_column() -> None:
    sheet = PageDrawing()
    end = sheet.paragraph(100, 200, 580, 8, seed=1)
    sheet.draw.rectangle((120, end + 40, 560, end + 340), fill="grey")
    sheet.write("Figure 3: what was drawn here", 130, end + 360)
    after = sheet.paragraph(100, end + 440, 580, 8, seed=2)
    sheet.paragraph(660, 200, 1140, 30, seed=3)
    figure = LayoutBlock("figure", (118, end + 38, 562, end + 342), 0.9)
    regions = regions_of(sheet, figure, LayoutBlock("text", (100, end + 430, 580, after), 0.9))

    assert [region.label for region in regions] == ["text", "figure", "caption", "text", "text"]


def test_a_figures_box_ends_with_what_is_drawn() -> None:
    sheet = PageDrawing()
    sheet.paragraph(100, 200, 1140, 8)
    sheet.draw.rectangle((300, 700, 800, 1000), fill="grey")
    regions = regions_of(sheet, LayoutBlock("figure", (250, 650, 900, 1090), 0.9))

    assert [region.box for region in regions if region.label == "figure"] == [(300, 700, 801, 1001)]


def test_a_tables_box_is_its_regions_and_holds_its_cells() -> None:
    sheet = PageDrawing()
    for row in range(5):
        for column in range(3):
            if (row, column) != (4, 2):
                sheet.write(f"value {row}{column}", 200 + 300 * column, 400 + 60 * row)
    found = PageText(np.array(sheet.image), tuple(sheet.lines))
    regions, [table], _ = assemble_regions(found, [LayoutBlock("table", (120, 330, 1100, 760), 0.9)])

    assert table.box == next(region.box for region in regions if region.label == "table")
    assert table.box == pytest.approx((200, 400, 870, 660), abs=14)
    assert all(clip_box(cell.box, table.box) == cell.box for cell in table.cells)


def test_text_that_runs_around_a_figure_is_read_before_it() -> None:
    sheet = PageDrawing()
    for x, narrow in ((100, 400), (660, 840)):
        end = sheet.paragraph(x, 200, x + 480, 8, seed=1)
        left, right = (x, narrow) if x == 100 else (narrow, x + 480)
        below = sheet.paragraph(left, end, right, 12, seed=2)
        sheet.paragraph(x, below, x + 480, 8, seed=3)
    figure = LayoutBlock("figure", (420, 580, 820, 900), 0.9)
    regions = regions_of(sheet, figure)
    is_right = [region.box[0] > 600 for region in regions if region.label == "text"]

    assert regions[-1].label == "figure"
    assert is_right == sorted(is_right)


def test_a_sidebar_is_read_apart_from_the_text_beside_it() -> None:
    sheet = PageDrawing()
    for part in range(3):
        sheet.paragraph(400, 200 + 320 * part, 1140, 9, seed=part)
        sheet.paragraph(80, 230 + 320 * part, 330, 5, 16, seed=part)
    sides = [region.box[0] < 380 for region in regions_of(sheet)]

    assert sides == sorted(sides, reverse=True)


def test_items_are_one_list_with_their_continuations() -> None:
    sheet = PageDrawing()
    sheet.paragraph(150, 200, 1090, 4)
    for row in range(3):
        sheet.write("• an item of the list that goes on in the next row of text and", 180, 360 + 60 * row)
        sheet.write("ends there", 200, 390 + 60 * row)
    sheet.paragraph(150, 580, 1090, 4)

    assert [(region.label, len(region.lines)) for region in regions_of(sheet)] == [
        ("text", 4),
        ("list", 6),
        ("text", 4),
    ]


def test_entries_under_a_bibliography_heading_are_one_reference_region() -> None:
    sheet = PageDrawing()
    sheet.write("References", 150, 200, 28, bold=True)
    for row in range(5):
        sheet.write(f"[{row + 1}] A. Writer, B. Other. On things. Journal, 2019.", 150, 260 + 34 * row)
    regions = regions_of(sheet, LayoutBlock("title", (145, 195, 300, 235), 0.9))

    assert [(region.label, len(region.lines)) for region in regions] == [("title", 1), ("reference", 5)]


def test_a_numbered_heading_is_a_title_without_the_model() -> None:
    sheet = PageDrawing()
    end = sheet.paragraph(150, 200, 1090, 6)
    sheet.write("2.1 Method", 150, end + 20)
    sheet.paragraph(150, end + 70, 1090, 6)

    assert [region.label for region in regions_of(sheet)] == ["text", "title", "text"]


def test_rows_of_a_form_are_read_as_rows() -> None:
    sheet = PageDrawing()
    for row, (name, value) in enumerate([("Language", "English"), ("Storage", "plenty"), ("Theme", "Dark")]):
        sheet.write(name, 150, 300 + 80 * row)
        sheet.write(value, 800, 300 + 80 * row)
    sheet.paragraph(150, 800, 1090, 6)
    regions = regions_of(sheet)

    assert first_texts(regions)[:6] == ["Language", "English", "Storage", "plenty", "Theme", "Dark"]
    assert {region.label for region in regions} == {"text"}


def test_a_long_text_is_no_heading_whatever_the_model_says() -> None:
    sheet = PageDrawing()
    sheet.paragraph(150, 200, 1090, 8)
    sheet.paragraph(150, 800, 1090, 8, seed=1)

    assert [region.label for region in regions_of(sheet, LayoutBlock("title", (140, 190, 1100, 450), 0.8))] == [
        "text",
        "text",
    ]


def test_the_box_of_a_region_ends_where_its_ink_does() -> None:
    sheet = PageDrawing()
    sheet.write("no", 150, 200, 40)
    x0, y0, x1, y1 = regions_of(sheet)[0].box
    rows, columns = np.nonzero(sheet.text.pixels[:, :, 0] < 128)

    assert (x0, y0, x1, y1) == pytest.approx((columns.min(), rows.min(), columns.max(), rows.max()), abs=8)


def test_small_marked_text_at_the_foot_is_a_footnote() -> None:
    sheet = PageDrawing()
    for part in range(3):
        sheet.paragraph(150, 200 + 420 * part, 1090, 14, seed=part)
    sheet.write("* Supported by nobody at all, which is what small print at the foot of a page says.", 150, 1500, 14)

    assert regions_of(sheet)[-1].label == "footnote"


def test_a_receipt_mistaken_for_a_figure_stays_text() -> None:
    sheet = PageDrawing(500, 700)
    for row in range(14):
        sheet.write(f"Article number {row}", 40, 40 + 40 * row)
        sheet.write(f"{row}.99", 380, 40 + 40 * row)
    labels = {region.label for region in regions_of(sheet, LayoutBlock("figure", (20, 20, 480, 640), 0.9))}

    assert "figure" not in labels


def test_labels_in_a_figure_belong_to_it() -> None:
    sheet = PageDrawing()
    sheet.paragraph(150, 1000, 1090, 10)
    for at in range(4):
        sheet.write(f"axis {at}", 200 + 220 * at, 700)
    regions = regions_of(sheet, LayoutBlock("figure", (150, 200, 1090, 760), 0.9))

    assert [(region.label, len(region.lines)) for region in regions] == [("figure", 4), ("text", 10)]


def test_a_list_mistaken_for_a_figure_stays_text() -> None:
    sheet = PageDrawing()
    sheet.paragraph(150, 1000, 1090, 10)
    for row in range(6):
        sheet.write(f"• an item of running text, number {row}", 200, 300 + 30 * row)
    regions = regions_of(sheet, LayoutBlock("figure", (180, 280, 620, 500), 0.9))

    assert [(region.label, len(region.lines)) for region in regions] == [("list", 6), ("text", 10)]


def test_columns_mistaken_for_a_figure_stay_text() -> None:
    sheet = PageDrawing()
    sheet.paragraph(150, 1000, 1090, 10)
    for x in (200, 620):
        sheet.paragraph(x, 300, x + 380, 7)
    labels = {region.label for region in regions_of(sheet, LayoutBlock("figure", (180, 260, 1020, 640), 0.9))}

    assert labels == {"text"}


def test_a_table_mistaken_for_a_figure_keeps_its_cells() -> None:
    sheet = PageDrawing()
    sheet.paragraph(150, 1000, 1090, 10)
    for row in range(4):
        sheet.write(f"A name of some length, as of value {row}", 200, 300 + 30 * row)
        sheet.write(f"{row}.25", 800, 300 + 30 * row)
    regions = regions_of(sheet, LayoutBlock("figure", (180, 280, 900, 700), 0.9))

    assert [(region.label, len(region.lines)) for region in regions] == [("figure", 8), ("text", 10)]


def test_a_letter_mistaken_for_a_figure_stays_text() -> None:
    sheet = PageDrawing()
    sheet.write("Second page", 150, 200, 40)

    assert [region.label for region in regions_of(sheet, LayoutBlock("figure", (160, 205, 185, 245), 0.7))] == ["text"]


def test_a_line_across_the_gutter_is_cut_between_blocks() -> None:
    sheet = PageDrawing()
    left, right = sheet.write("of the left", 100, 300), sheet.write("and the right", 700, 300)
    whole = make_line([(word.text, word.box) for word in (*left.words, *right.words)])
    text = PageText(sheet.text.pixels, (whole,))
    blocks = [LayoutBlock("text", (90, 200, 580, 400), 0.9), LayoutBlock("text", (690, 200, 1140, 400), 0.9)]

    assert first_texts(assemble_regions(text, blocks)[0]) == ["of the left", "and the right"]


def test_an_empty_page_has_nothing() -> None:
    assert assemble_regions(PageText(np.full((100, 80, 3), 255, np.uint8), ()), []) == ([], [], [])
