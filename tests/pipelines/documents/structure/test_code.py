"""Listings of code and what terminals print keep their lines, indents and columns."""

import numpy as np
import pytest

from pipelines.documents.stages import LayoutBlock, PageText, TextLine
from pipelines.documents.structure.assemble import assemble_regions
from pipelines.documents.types import Region
from tests.pipelines.documents.drawn_pages import PageDrawing, make_line

PITCH, LEADING = 12, 30

PROGRAM = """\
# prices.py
def total(items, *, rate=0.2):
    amount = 0
    for item in items:
        if item.price > 0:
            amount += item.price * (1 + rate)

    return {"amount": amount, "__doc__": f"{rate:.2f}"}"""

TERMINAL = """\
$ df -h --total
Filesystem      Size   Used  Avail
/dev/sda1       40G    31G   9.0G
tmpfs           2.0G   0     2.0G
total           42G    31G   11G"""

LETTER = """\
Dear Mr Holm,

thank you for the two crates of
herring that came on Monday. We
have paid the bill of 40 crowns
and hope to hear from you again"""


def type_lines(text: str, x: float, y: float, *, gap: int = 3, shift: float = 0.0) -> list[TextLine]:
    """Lines as a reader finds them: parts with more than `gap` spaces between them are lines of their own; `shift`
    moves the beginning of every other word by pixels, as a reader's error."""
    lines = []
    for row, written in enumerate(text.splitlines()):
        top = y + LEADING * row
        for part in _split_at_gaps(written, gap):
            words = []
            for number, (column, word) in enumerate(part):
                left = x + PITCH * column + 2 + shift * (number % 2)
                words.append((word, (left, top, x + PITCH * (column + len(word)) - 2, top + 22)))
            lines.append(make_line(words))
    return lines


def _split_at_gaps(written: str, gap: int) -> list[list[tuple[int, str]]]:
    parts: list[list[tuple[int, str]]] = []
    at, end = 0, -99
    for word in written.split():
        at = written.index(word, at)
        if at - end > gap:
            parts.append([])
        parts[-1].append((at, word))
        at = end = at + len(word)
    return parts


def read(lines: list[TextLine], *blocks: LayoutBlock, ground: int = 255) -> list[Region]:
    pixels = np.full((800, 1200, 3), ground, np.uint8)
    return assemble_regions(PageText(pixels, tuple(lines)), list(blocks))[0]


def code_of(regions: list[Region]) -> list[str]:
    return [region.code for region in regions if region.code is not None]


@pytest.mark.parametrize("shift", [0.0, 2.0, -2.0])
def test_lines_and_indents_of_a_program_are_kept(shift: float) -> None:
    assert code_of(read(type_lines(PROGRAM, 100, 100, shift=shift))) == [PROGRAM]


def test_columns_of_a_terminal_are_kept() -> None:
    assert code_of(read(type_lines(TERMINAL, 100, 100))) == [TERMINAL]


def test_a_table_block_over_a_terminal_is_dropped() -> None:
    regions = read(type_lines(TERMINAL, 100, 100), LayoutBlock("table", (95, 95, 560, 260), 0.9))

    assert [region.label for region in regions] == ["text"]


def test_an_editors_line_numbers_are_left_out_of_the_code() -> None:
    rows = PROGRAM.splitlines()
    numbers = [line for row in range(len(rows)) for line in type_lines(f"{row + 1}", 60, 100 + LEADING * row)]

    regions = read(numbers + type_lines(PROGRAM, 130, 100))

    assert code_of(regions) == [PROGRAM]
    assert sum(len(region.lines) for region in regions) == len(numbers) + len(rows) - 1


def test_underscores_that_a_reader_sees_as_one_are_two() -> None:
    lines = type_lines(PROGRAM, 100, 100)
    [last] = [line for line in lines if "__doc__" in line.text]
    misread = [(word.text.replace("__", "_"), word.box) for word in last.words]

    assert code_of(read([*lines[:-1], make_line(misread)])) == [PROGRAM]


def test_prose_around_a_listing_stays_prose() -> None:
    sheet = PageDrawing()
    end = sheet.paragraph(100, 100, 1100, 4)
    code = type_lines(PROGRAM, 100, end + 20)
    sheet.paragraph(100, end + 20 + LEADING * 9, 1100, 4, seed=1)
    text = PageText(sheet.text.pixels, (*sheet.lines, *code))

    regions = assemble_regions(text, [])[0]

    assert [region.code is not None for region in regions] == [False, True, False]
    assert code_of(regions) == [PROGRAM]


def test_a_typewritten_letter_is_no_code() -> None:
    assert code_of(read(type_lines(LETTER, 100, 100))) == []


def test_what_is_light_on_dark_is_code() -> None:
    assert code_of(read(type_lines(LETTER, 100, 100), ground=20)) == [LETTER]


def test_words_of_a_proportional_font_are_no_code_whatever_they_say() -> None:
    sheet = PageDrawing()
    for row, line in enumerate(filter(None, PROGRAM.splitlines())):
        sheet.write(line, 100 + 40 * (len(line) - len(line.lstrip())), 200 + 40 * row)

    assert code_of(assemble_regions(sheet.text, [])[0]) == []
