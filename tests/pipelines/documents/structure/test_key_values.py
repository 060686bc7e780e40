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


def write_row(*texts: str) -> PageDrawing:
    """One row of texts that stand far from each other."""
    sheet = PageDrawing()
    for column, text in enumerate(texts):
        sheet.write(text, 60 + 380 * column, 100)
    return sheet


@pytest.mark.parametrize(
    ("texts", "pairs"),
    [
        (["Total", "RM", "100.00"], [("Total", "RM 100.00")]),
        (["Total incl. GST: RM", "118.35"], [("Total incl. GST", "118.35")]),
        (["Total", ":", "32.70"], [("Total", "32.70")]),
        (["Qty : 1", "Total", "11.60"], [("Qty", "1"), ("Total", "11.60")]),
        (["Grand Total RM39.00"], [("Grand Total", "RM39.00")]),
        (["Transfer of 25 May 2015", "9,32"], [("Transfer of 25 May 2015", "9,32")]),
    ],
)
def test_amounts_find_their_names(texts: list[str], pairs: list[tuple[str, str]]) -> None:
    assert pairs_in(write_row(*texts)) == pairs


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("Facture n° 2022089083", [("Facture n°", "2022089083")]),
        ("TEL (03) 5241 8855", [("TEL", "(03) 5241 8855")]),
        ("BTW NL810433941B01", [("BTW", "NL810433941B01")]),
        ("DATE 11/28/15", [("DATE", "11/28/15")]),
        ("Tel: 03-55423228 Fax: 03-55423213", [("Tel", "03-55423228"), ("Fax", "03-55423213")]),
        ("Receipt #: CS00052997 Date: 28/02/2016", [("Receipt #", "CS00052997"), ("Date", "28/02/2016")]),
    ],
)
def test_keys_need_no_colon_and_may_share_a_line(text: str, pairs: list[tuple[str, str]]) -> None:
    assert pairs_in(write_row(text)) == pairs


def test_a_name_without_a_colon_may_stand_over_its_value() -> None:
    sheet = PageDrawing()
    for column, (name, value) in enumerate(
        [("Booking ID", "IBZY2087"), ("Bank name", "HDFC"), ("Account no.", "000340")]
    ):
        sheet.write(name, 100 + 300 * column, 100)
        sheet.write(value, 100 + 300 * column, 128)

    assert pairs_in(sheet) == [("Booking ID", "IBZY2087"), ("Account no", "000340")]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("Date: 22/12/2017 14:03", [("date", "22/12/2017"), ("time", "14:03")]),
        ("Date: Nov 11, 2011 23:00:54", [("date", "Nov 11, 2011"), ("time", "23:00:54")]),
        ("Date: 4. März 2021", [("date", "4. März 2021")]),
        ("Date: 2018-02-22 8:07 PM", [("date", "2018-02-22"), ("time", "8:07 PM")]),
        ("Stay: 30/05/18 to 01/06/18", [(None, "30/05/18 to 01/06/18")]),
        ("Room: 45/67/2017", [(None, "45/67/2017")]),
        ("Tel: 05.22.95.66.66", [(None, "05.22.95.66.66")]),
        ("Total: $ 12.40", [("amount", "$ 12.40")]),
    ],
)
def test_values_have_a_kind_and_dates_their_own_pair(text: str, values: list[tuple[str | None, str]]) -> None:
    assert [(pair.kind, pair.value) for pair in find_key_values(write_row(text).lines)] == values


def test_dates_and_telephone_numbers_need_no_name() -> None:
    sheet = PageDrawing()
    sheet.write("203-392-3626", 100, 100)
    sheet.write("Register 004 10-Dec-2017 09:28", 100, 160)

    assert [(pair.key, pair.kind, pair.value) for pair in find_key_values(sheet.lines)] == [
        ("", "telephone", "203-392-3626"),
        ("", "date", "10-Dec-2017"),
        ("", "time", "09:28"),
    ]


def test_a_named_date_leaves_others_out() -> None:
    sheet = PageDrawing()
    sheet.write("Date: 01/03/2018", 100, 100)
    sheet.write("printed by 7 02/03/2018", 100, 160)

    assert pairs_in(sheet) == [("Date", "01/03/2018")]


def test_many_dates_without_names_are_rows_of_a_table() -> None:
    sheet = PageDrawing()
    for row in range(5):
        sheet.write(f"{row + 1} 0{row + 1}/03/2018 paid in full", 100, 100 + 40 * row)

    assert pairs_in(sheet) == []


@pytest.mark.parametrize(
    "text",
    [
        "The meeting of 12 March 2026 was held in Kiel",
        "Kiel, 12 March 2026",
        "Sunday 12 March 2026",
        "Payment received on 12 March 2026 by bank transfer",
        "We paid 300.00",
        "In all it cost EUR 12.40",
        "see order no. 17",
        "The order number A17 was wrong",
    ],
)
def test_words_of_a_sentence_name_no_value(text: str) -> None:
    sheet = PageDrawing()
    sheet.write(text, 100, 100)

    assert not any(pair.key for pair in find_key_values(sheet.lines))


@pytest.mark.parametrize("text", ["3.1.12 Results", "Version 2.10.14", "Sort code: 20-12-08", "Part no. 12-10-14"])
def test_numbers_of_sections_and_parts_are_no_dates(text: str) -> None:
    sheet = PageDrawing()
    sheet.write(text, 100, 100)

    assert not any(pair.kind for pair in find_key_values(sheet.lines))


def test_three_groups_of_digits_alone_are_no_telephone() -> None:
    sheet = PageDrawing()
    sheet.write("012 345 6789", 100, 100)

    assert pairs_in(sheet) == []


def test_a_time_behind_a_date_keeps_its_own_name() -> None:
    sheet = PageDrawing()
    sheet.write("Date 12/03/2024 Time 14:05", 100, 100)

    assert pairs_in(sheet) == [("Date", "12/03/2024"), ("Time", "14:05")]


def test_a_page_without_lines_has_no_pairs() -> None:
    assert find_key_values([]) == []
