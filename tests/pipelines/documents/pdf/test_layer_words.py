"""Words of text layers: superscripts, accents, symbols, struck words, and the order of scripts from right to left."""

import re
from collections.abc import Callable

import pytest
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.pdfdoc import PDFArray, PDFDictionary, PDFName
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from pipelines.documents.pdf.text_layer import read_text_layer, read_trusted_text_layer
from pipelines.documents.stages import PageText
from tests.pipelines.documents.conftest import UsePdf
from tests.pipelines.documents.sample_pdfs import (
    HEIGHT,
    SENTENCES,
    DrawPage,
    draw_all,
    draw_text,
    make_pdf,
    rotate_page,
)

Parts = tuple[str | tuple[str, float], ...]


def read_layer(use_pdf: UsePdf, data: bytes) -> PageText:
    page = use_pdf(data, lambda file: file.render_page(1, 144))
    return read_text_layer(page.pixels, page.characters)


def read_lines(use_pdf: UsePdf, draw: DrawPage) -> list[str]:
    return [line.text for line in read_layer(use_pdf, make_pdf(draw)).lines]


def draw_parts(*lines: Parts, top: float = 72, size: float = 12) -> DrawPage:
    """Lines of text in which (text, rise) stands higher or lower, in letters of two thirds of the size."""

    def draw(canvas: Canvas) -> None:
        for number, parts in enumerate(lines):
            x, y = 72.0, HEIGHT - top - 20 * number
            for part in parts:
                text, rise = part if isinstance(part, tuple) else (part, 0)
                font_size = size * (2 / 3 if rise else 1)
                canvas.setFont("Helvetica", font_size)
                canvas.drawString(x, y + rise, text)
                x += canvas.stringWidth(text, "Helvetica", font_size)

    return draw


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("about 3 × 10", ("6", 5), " cells"), "about 3 × 10^6 cells"),
        (("charge of 10", ("-19", 5), " C"), "charge of 10^-19 C"),
        (("an area of 85 m", ("2", 5), ", fenced"), "an area of 85 m^2, fenced"),
        (("speed in m/s", ("2", 5), "."), "speed in m/s^2."),
        (("with x", ("n+1", 5), " terms"), "with x^(n+1) terms"),
        (("the 21", ("st", 5), " of May"), "the 21st of May"),
        (("CO", ("2", -2.5), " and H", ("2", -2.5), "O"), "CO₂ and H₂O"),
        (("written 101", ("2", -2.5), " here"), "written 101_2 here"),
        (("dated by ", ("14", 5), "C alone"), "dated by ^14C alone"),
        (("in 2019", ("1", 5), " alone"), "in 2019 [^1] alone"),
        (("paid 6,000", ("2", 5), " dollars"), "paid 6,000 [^2] dollars"),
        (("the results", ("3", 5), " of it"), "the results [^3] of it"),
        (("the price", ("*", 5), " of it"), "the price* of it"),
        (("Acme", ("TM", 5), " pumps"), "Acme™ pumps"),
        (("ions of Na", ("+", 5), " in it"), "ions of Na^+ in it"),
    ],
)
def test_raised_and_lowered_text_changes_no_value(use_pdf: UsePdf, parts: Parts, text: str) -> None:
    assert read_lines(use_pdf, draw_parts(parts)) == [text]


def test_a_superscript_over_a_subscript_belongs_to_the_same_letter(use_pdf: UsePdf) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 12)
        canvas.drawString(72, 700, "w")
        canvas.setFont("Helvetica", 8)
        canvas.drawString(81, 705, "(i)")
        canvas.drawString(81, 697, "1")
        canvas.setFont("Helvetica", 12)
        canvas.drawString(94, 700, "and more")

    assert read_lines(use_pdf, draw) == ["w^(i)_1 and more"]


def test_a_raised_number_that_has_a_note_marks_it(use_pdf: UsePdf) -> None:
    lines = read_lines(use_pdf, draw_parts(("came to 85", ("2", 5), " in all"), (("2", 5), " Before tax and fees.")))

    assert lines == ["came to 85 [^2] in all", "[^2] Before tax and fees."]


def test_raised_text_is_kept_apart_where_hidden_text_counts(use_pdf: UsePdf) -> None:
    page = use_pdf(make_pdf(draw_parts(("about 10", ("6", 5), " cells"))), lambda file: file.render_page(1, 144))

    [line] = read_text_layer(page.pixels, page.characters, include_hidden=True).lines
    assert line.text == "about 10^6 cells"


def test_a_note_mark_is_a_word_with_its_own_box(use_pdf: UsePdf) -> None:
    [line] = read_layer(use_pdf, make_pdf(draw_parts(("paid 6,000", ("2", 5), " dollars")))).lines

    number, mark = line.words[1:3]
    assert [number.text, mark.text] == ["6,000", "[^2]"]
    assert mark.box[0] >= number.box[2] - 1


def test_smaller_text_on_the_same_baseline_is_not_raised(use_pdf: UsePdf) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 14)
        canvas.drawString(72, 700, "10")
        canvas.setFont("Helvetica", 8)
        canvas.drawString(72 + canvas.stringWidth("10", "Helvetica", 14), 700, "6")

    assert read_lines(use_pdf, draw) == ["106"]


def strike(
    text: str, *, before: str = "", rise: float = 3.5, extra: float = 0.0, top: float = 72, pen: float = 0.8
) -> DrawPage:
    """`before` and `text`, with a line through `text` that is `extra` points longer; `pen` is its width in points."""

    def draw(canvas: Canvas) -> None:
        y = HEIGHT - top
        canvas.setFont("Helvetica", 12)
        canvas.drawString(72, y, before + text + " and more")
        left = 72 + canvas.stringWidth(before, "Helvetica", 12)
        canvas.setLineWidth(pen)
        canvas.line(left, y + rise, left + canvas.stringWidth(text, "Helvetica", 12) + extra, y + rise)

    return draw


def find_struck(use_pdf: UsePdf, data: bytes) -> list[str]:
    return [word.text for line in read_layer(use_pdf, data).lines for word in line.words if word.is_struck]


@pytest.mark.parametrize("pen", [0.3, 0.8, 1.5])
def test_words_under_a_line_through_them_are_struck(use_pdf: UsePdf, pen: float) -> None:
    assert find_struck(use_pdf, make_pdf(strike("no pets", before="There are ", pen=pen))) == ["no", "pets"]


def test_a_broad_stroke_marks_words_and_strikes_none(use_pdf: UsePdf) -> None:
    assert find_struck(use_pdf, make_pdf(strike("marked", pen=9.0))) == []


@pytest.mark.parametrize(
    "draw", [strike("underlined", rise=-1.5), strike("overlined", rise=9.5), strike("ruled", extra=200)]
)
def test_lines_under_over_or_far_beyond_words_strike_nothing(use_pdf: UsePdf, draw: DrawPage) -> None:
    assert find_struck(use_pdf, make_pdf(draw)) == []


def test_strike_out_annotations_strike_words(use_pdf: UsePdf) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 12)
        canvas.drawString(72, 700, "Pay 1,800 euros")
        left = 72 + canvas.stringWidth("Pay ", "Helvetica", 12)
        right = left + canvas.stringWidth("1,800", "Helvetica", 12)
        mark = {"Type": PDFName("Annot"), "Subtype": PDFName("StrikeOut"), "F": 4}
        mark |= {"Rect": PDFArray([left, 697, right, 710])}
        mark |= {"QuadPoints": PDFArray([left, 710, right, 710, left, 697, right, 697])}
        canvas._addAnnotation(PDFDictionary(mark))

    assert find_struck(use_pdf, make_pdf(draw)) == ["1,800"]


def test_words_on_a_turned_page_are_struck(use_pdf: UsePdf) -> None:
    assert find_struck(use_pdf, make_pdf(rotate_page(90, strike("no pets")))) == ["no", "pets"]


def test_thin_boxes_strike_words_too(use_pdf: UsePdf) -> None:
    def draw(canvas: Canvas) -> None:
        draw_text(["crossed"], size=12)(canvas)
        canvas.rect(72, HEIGHT - 72 - 12 + 3, canvas.stringWidth("crossed", "Helvetica", 12), 0.7, stroke=0, fill=1)

    assert find_struck(use_pdf, make_pdf(draw)) == ["crossed"]


def draw_with_gaps(words: list[str]) -> DrawPage:
    """Words without a space between them, each moved on by the width of one, as typesetters write."""

    def draw(canvas: Canvas) -> None:
        written = canvas.beginText(72, HEIGHT - 90)
        written.setFont("Helvetica", 11)
        parts = " -250 ".join(f"({word})" for word in words)
        written._code.append(f"[{parts}] TJ")
        canvas.drawText(written)

    return draw


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_gaps_are_spaces_on_turned_pages(use_pdf: UsePdf, degrees: int) -> None:
    words = ["AIRFARE", "FOR", "SEN", "HAWLEY", "AS", "FOLLOWS"]

    assert read_lines(use_pdf, rotate_page(degrees, draw_with_gaps(words))) == [" ".join(words)]


def map_font(draw: DrawPage, replace: Callable[[int], str], *, name: bytes = b"") -> bytes:
    """The PDF with a text map in which `replace` gives the UTF-16 of each code, and its font renamed."""
    whole = make_pdf(draw, pageCompression=0)
    start, end = whole.index(b"begincmap"), whole.index(b"endcmap")
    mapped = re.sub(
        rb"<00([0-9A-F]{2})>(?=[\s\]])", lambda found: b"<%s>" % replace(int(found[1], 16)).encode(), whole[start:end]
    )
    assert mapped != whole[start:end]
    whole = whole[:start] + mapped + whole[end:]
    return whole.replace(b"BitstreamVeraSans-Roman", name) if name else whole


def draw_vera(lines: list[str]) -> DrawPage:
    pdfmetrics.registerFont(TTFont("Vera", "Vera.ttf"))
    return draw_text(lines, font="Vera")


def test_halves_of_surrogate_pairs_are_joined(use_pdf: UsePdf) -> None:
    letters = {ord("E"): "\N{MATHEMATICAL ITALIC CAPITAL E}", ord("m"): "\N{MATHEMATICAL ITALIC SMALL M}"}
    data = map_font(draw_vera(["E = m"]), lambda code: letters.get(code, chr(code)).encode("utf-16-be").hex())

    assert [line.text for line in read_layer(use_pdf, data).lines] == [
        "\N{MATHEMATICAL ITALIC CAPITAL E} = \N{MATHEMATICAL ITALIC SMALL M}"
    ]


def draw_items(canvas: Canvas) -> None:
    draw_vera(["\u00b7"])(canvas)
    draw_text(["Passport valid"], left=90)(canvas)


@pytest.mark.parametrize(
    ("code", "font", "mark"),
    [("F0B7", b"Symbol", "•"), ("F0A7", b"Wingdings-Regular", "▪"), ("F0FC", b"Wingdings-Regular", "✓"),
     ("F0A8", b"Wingdings-Regular", "☐"), ("F0B7", b"SomeFont", "•")],
)  # fmt: skip
def test_codes_of_symbol_fonts_are_what_they_show(use_pdf: UsePdf, code: str, font: bytes, mark: str) -> None:
    data = map_font(draw_items, lambda one: code if one == 0xB7 else f"{one:04X}", name=font)

    assert [line.text for line in read_layer(use_pdf, data).lines] == [f"{mark} Passport valid"]


def test_accents_painted_over_letters_are_part_of_them(use_pdf: UsePdf) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 12)
        canvas.drawString(72, 700, "caf")
        x = 72 + canvas.stringWidth("caf", "Helvetica", 12)
        canvas.drawString(x + 1.3, 700, "\u00b4")
        canvas.drawString(x, 700, "e")

    assert read_lines(use_pdf, draw) == ["café"]


@pytest.mark.parametrize(
    ("cap", "rest", "text"), [("T", "he harbour was quiet", "The harbour was quiet"), ("A", "few boats", "A few boats"),
                              ("A", "t noon", "At noon")]
)  # fmt: skip
def test_a_drop_cap_belongs_to_its_word(use_pdf: UsePdf, cap: str, rest: str, text: str) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 32)
        canvas.drawString(72, 676, cap)
        canvas.setFont("Helvetica", 11)
        for number, line in enumerate((rest, "and the second line")):
            canvas.drawString(74 + canvas.stringWidth(cap, "Helvetica", 32), 690 - 14 * number, line)

    assert read_lines(use_pdf, draw) == [text, "and the second line"]


HEBREW = {ord(latin): chr(0x5D0 + at) for at, latin in enumerate("abcdefghijklmnopqrstuvwxyz")}


def draw_hebrew(line: str) -> bytes:
    """Letters a-z as the Hebrew letters of the same number, painted from left to right as they are seen."""
    return map_font(draw_vera([line]), lambda code: f"{ord(HEBREW.get(code, chr(code))):04X}")


@pytest.mark.parametrize(
    ("seen", "read"),
    [
        ("fed cba", "אבג דהו"),
        ("fed 604 cba", "אבג 604 דהו"),
        ("fed 12/03/2025 cba", "אבג 12/03/2025 דהו"),
        ("fed ABC XYZ 7 cba", "אבג ABC XYZ 7 דהו"),
    ],
)
def test_hebrew_is_read_from_right_to_left(use_pdf: UsePdf, seen: str, read: str) -> None:
    [line] = read_layer(use_pdf, draw_hebrew(seen)).lines

    assert line.text == read
    assert [word.text for word in line.words] == read.split()


CODES = [
    "pKvURIxJVi2CgRXROh/M6pJ/UrTVRZKX+LQ+QtqJI4vBNibkPcs43bCCSIkn7JBP",
    "tCBXRDmD6IWFF51QVRr+YqSr1ESMSVYtgoEV0TofzOqSf1K01UWSl/i0PkLaiSOL",
    "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9",
    "K32GR-4X63D-4BXM2-KJ8X2-2XT6G", "K6GYT-9B7DH-3CPBM-X49T8-VT93W", "GRFCG-XJM7V-6PVYT-3R23V-3KQ7B",
    "MVLSPADKTNVKAAWGKVGAHAGEYGAEALERMFLSFPTTKTYFPHFDLSHGSAQVKGHG",
    "GGCGCGCCTTAATTAACCGCGGTGGCGGCCGCTCTAGAACTAGTGGATCC",
]  # fmt: skip


def test_codes_and_keys_keep_their_text_layer(use_pdf: UsePdf) -> None:
    page = use_pdf(make_pdf(draw_text(CODES)), lambda file: file.render_page(1, 144))

    layer = read_trusted_text_layer(page.pixels, page.characters)
    assert layer is not None
    assert [line.text for line in layer.lines] == CODES


def draw_shifted(canvas: Canvas) -> None:
    """A font that counts its glyphs from another number than its codes."""
    draw_vera([line[:30] for line in SENTENCES[:3]])(canvas)


def test_words_of_a_font_with_shifted_codes_have_no_score(use_pdf: UsePdf) -> None:
    draw = draw_all(draw_text(top=200), draw_shifted)
    data = map_font(draw, lambda code: f"{code if code == 0x20 else code + 29:04X}")
    page = use_pdf(data, lambda file: file.render_page(1, 144))

    layer = read_trusted_text_layer(page.pixels, page.characters)
    assert layer is not None
    assert {word.score for line in layer.lines[3:] for word in line.words} == {1.0}
    assert {word.score for line in layer.lines[:3] for word in line.words} == {0.0}
