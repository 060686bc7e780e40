"""Pictures that may show text beside a PDF page's text layer, and the page without that layer."""

import numpy as np
import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from pipelines.documents.pdf.client import PdfDocument, RenderedPage
from pipelines.documents.pdf.page_characters import Floats
from pipelines.documents.pdf.unread_pictures import find_unread_pictures, join_strips
from pipelines.documents.stages import Pixels
from tests.pipelines.documents.conftest import UsePdf
from tests.pipelines.documents.sample_pdfs import HEIGHT, WIDTH, draw_all, draw_picture, draw_scan, draw_text, make_pdf

DPI = 72


def find_pictures(use_pdf: UsePdf, data: bytes) -> list[list[int]]:
    async def render(pdf: PdfDocument) -> RenderedPage:
        return await pdf.render_page(1, DPI)

    page = use_pdf(data, render)
    assert page.characters is not None
    boxes = find_unread_pictures(page.pixels, page.characters, DPI)
    return sorted([round(edge) for edge in box] for box in boxes.tolist())


def render_without_text(use_pdf: UsePdf, data: bytes) -> Pixels:
    async def render(pdf: PdfDocument) -> Pixels:
        return await pdf.render_without_text(1, DPI)

    pixels: Pixels = use_pdf(data, render)
    return pixels


def draw_outlines(canvas: Canvas) -> None:
    """A page whose letters are shapes: a hundred of them."""
    for number in range(100):
        canvas.rect(72 + 12 * (number % 20), 600 - 20 * (number // 20), 5, 8, fill=1)


def test_pictures_are_unread_whatever_their_size_and_place(use_pdf: UsePdf) -> None:
    page = draw_all(draw_text(), draw_picture((0, 0, WIDTH, 400)), draw_picture((400, 500, 440, 540)))

    assert find_pictures(use_pdf, make_pdf(page)) == [[0, 442, 595, 842], [400, 302, 440, 342]]


def test_pictures_too_small_for_print_are_left_out(use_pdf: UsePdf) -> None:
    page = draw_all(draw_text(), draw_picture((400, 500, 440, 506)), draw_picture((400, 400, 412, 412)))

    assert find_pictures(use_pdf, make_pdf(page)) == []


def test_flat_pictures_are_left_out(use_pdf: UsePdf) -> None:
    def draw_flat(canvas: Canvas) -> None:
        canvas.drawImage(ImageReader(Image.new("RGB", (60, 60), "white")), 100, 100, 200, 200)

    assert find_pictures(use_pdf, make_pdf(draw_all(draw_flat, draw_text()))) == []


@pytest.mark.parametrize("stamp", ["Exhibit 000417", "1", "Signed by A. Example, 12 March 2025, 5F1C2B7A-90D4"])
def test_a_stamp_does_not_make_a_scan_read(use_pdf: UsePdf, stamp: str) -> None:
    data = make_pdf(draw_all(draw_scan, draw_text([stamp], top=400)))

    assert find_pictures(use_pdf, data) == [[0, 0, round(WIDTH), round(HEIGHT)]]


def test_strips_of_a_scan_are_one_picture() -> None:
    strips: Floats = np.array([[0, 100 * at, 595, 100 * at + 100.4] for at in range(8)], np.float32)

    assert join_strips(strips, 1.5).tolist() == [[0, 0, 595, pytest.approx(800.4, abs=0.1)]]


def test_tiles_of_a_scan_are_one_picture() -> None:
    tiles: Floats = np.array([[x, y, x + 200, y + 100] for x in (0, 200, 400) for y in (0, 100)], np.float32)

    assert join_strips(tiles, 1.5).tolist() == [[0, 0, 600, 200]]


def test_pictures_apart_from_each_other_are_not_joined() -> None:
    pictures: Floats = np.array([[0, 0, 100, 100], [0, 120, 100, 220]], np.float32)

    assert len(join_strips(pictures, 1.5)) == 2


def test_a_page_of_outlined_letters_is_a_picture_as_a_whole(use_pdf: UsePdf) -> None:
    data = make_pdf(draw_all(draw_outlines, draw_text(["Page 1"])))

    assert find_pictures(use_pdf, data) == [[0, 0, round(WIDTH), round(HEIGHT)]]


def test_a_few_shapes_beside_much_text_are_no_picture(use_pdf: UsePdf) -> None:
    data = make_pdf(draw_all(draw_outlines, draw_text(top=300)))

    assert find_pictures(use_pdf, data) == []


def test_without_its_text_a_page_shows_its_pictures_alone(use_pdf: UsePdf) -> None:
    picture = draw_picture((100, 100, 300, 300))

    shown = render_without_text(use_pdf, make_pdf(draw_all(picture, draw_text())))

    assert np.array_equal(shown, render_without_text(use_pdf, make_pdf(picture)))


def test_text_of_form_fields_is_not_shown_either(use_pdf: UsePdf) -> None:
    def form(canvas: Canvas) -> None:
        canvas.acroForm.textfield(value="Ada Lovelace", x=100, y=600, width=200, height=30, borderWidth=0)

    shown = render_without_text(use_pdf, make_pdf(form))

    assert shown[215:240, 102:200].std(axis=(0, 1)).max() < 2
