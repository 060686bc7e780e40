"""Finding keys and values by their position."""

import pytest

from pipelines.documents.structure.assemble import assemble_regions
from pipelines.documents.structure.key_values import find_key_values
from tests.pipelines.documents.drawn_pages import PageDrawing


def pairs_in(sheet: PageDrawing) -> list[tuple[str, str]]:
    return [(pair.key, pair.value) for pair in find_key_values(sheet.lines)]


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("Date: 2024-01-01", "Date", "2024-01-01"),
        ("Invoice No : A-17", "Invoice No", "A-17"),
        ("日期：今天", "日期", "今天"),
    ],
)
def test_a_colon_parts_key_and_value(text: str, key: str, value: str) -> None:
    sheet = PageDrawing()
    sheet.write(text, 100, 100)

    assert pairs_in(sheet) == [(key, value)]


def test_a_number_ending_a_row_belongs_to_the_name_starting_it() -> None:
    sheet = PageDrawing()
    for row, (name, amount) in enumerate([("Subtotal", "10.20"), ("VAT 20%", "2.20"), ("Total", "EUR 12.40")]):
        sheet.write(name, 100, 100 + 40 * row)
        sheet.write(amount, 600, 100 + 40 * row)

    assert pairs_in(sheet) == [("Subtotal", "10.20"), ("VAT 20%", "2.20"), ("Total", "EUR 12.40")]


def test_a_value_may_stand_beside_or_under_its_key() -> None:
    sheet = PageDrawing()
    sheet.write("Name:", 100, 100)
    sheet.write("Ada Lovelace", 400, 100)
    sheet.write("Address:", 100, 160)
    sheet.write("12 Square", 100, 190)

    assert pairs_in(sheet) == [("Name", "Ada Lovelace"), ("Address", "12 Square")]


@pytest.mark.parametrize("text", ["at 12:30 sharp", "see https://example.org", "a ratio of 3:4", "no colon here"])
def test_times_addresses_and_ratios_are_no_keys(text: str) -> None:
    sheet = PageDrawing()
    sheet.write(text, 100, 100)

    assert pairs_in(sheet) == []


def test_boxes_are_those_of_the_words() -> None:
    sheet = PageDrawing()
    line = sheet.write("Date: 2024-01-01", 100, 100)
    (pair,) = find_key_values(sheet.lines)

    assert pair.key_box == line.words[0].box
    assert pair.value_box == line.words[1].box


def test_running_text_has_no_pairs() -> None:
    sheet = PageDrawing()
    for row in range(4):
        sheet.write("In short: a sentence may well have a colon in it and go on for a while", 100, 100 + 30 * row)

    assert assemble_regions(sheet.text, [])[2] == []
