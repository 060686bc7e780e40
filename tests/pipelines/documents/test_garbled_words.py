"""Words of a text layer that are not what the page shows are read by OCR, the others are kept."""

from pipelines.documents.stages import PageText, Pixels
from tests.pipelines.documents.conftest import ReadDocument
from tests.pipelines.documents.fake_stages import FakeReader, make_line, return_lines
from tests.pipelines.documents.pdf.test_layer_words import draw_vera, map_font
from tests.pipelines.documents.sample_pdfs import SENTENCES, draw_all, draw_text


def make_garbled() -> bytes:
    """Ten readable lines, and one in whose font the code of f is one of private use."""
    draw = draw_all(draw_text(top=200), draw_vera(["an office"]))
    return map_font(draw, lambda code: "E001" if code == ord("f") else f"{code:04X}")


def read_place(pixels: Pixels) -> PageText:
    """One word where there is ink."""
    rows, columns = (pixels.min(axis=2) < 128).nonzero()
    box = (float(columns.min()), float(rows.min()), float(columns.max()), float(rows.max()))
    return PageText(pixels, (make_line("office", box, 0.93),))


def test_a_garbled_word_is_read_by_ocr_in_its_line(read: ReadDocument) -> None:
    [page] = read(make_garbled(), reader=FakeReader(read_place)).pages

    texts = [region.lines[0].text for region in page.regions]
    assert texts == ["an office", *SENTENCES]
    assert [word.score for word in page.regions[0].lines[0].words] == [1.0, 0.93]


def test_ocr_sees_only_the_garbled_words(read: ReadDocument) -> None:
    reader = FakeReader(read_place)
    read(make_garbled(), reader=reader)

    [seen] = reader.pages
    assert (seen.min(axis=2) < 128).nonzero()[0].max() < 200


def test_what_ocr_does_not_find_stays_without_score(read: ReadDocument) -> None:
    [page] = read(make_garbled(), reader=FakeReader(return_lines())).pages

    assert page.regions[0].lines[0].words[1].score == 0.0


def test_a_sign_before_a_line_that_nobody_can_read_is_a_bullet(read: ReadDocument) -> None:
    draw = draw_all(draw_text(top=200), draw_vera(["f"]), draw_text(["Database design"], left=90))
    data = map_font(draw, lambda code: "E001" if code == ord("f") else f"{code:04X}")

    assert read(data, reader=FakeReader(return_lines())).pages[0].regions[0].lines[0].text == "• Database design"
