"""Pages that are light on a dark ground are read dark on light."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from skimage import data

from pipelines.documents.dark_pages import lighten_dark_page
from pipelines.documents.stages import PageText, Pixels
from tests.pipelines.documents.conftest import ReadDocument
from tests.pipelines.documents.fake_stages import FakeLayout, FakeReader, make_line
from tests.pipelines.documents.sample_pdfs import draw_all, draw_text, make_pdf
from tests.pipelines.images import encode


def draw_terminal(ground: int, ink: int) -> Image.Image:
    image = Image.new("RGB", (600, 200), (ground, ground, ground))
    for row in range(5):
        ImageDraw.Draw(image).text((20, 20 + 30 * row), "$ make test", (ink, ink, ink), ImageFont.load_default(20))
    return image


def test_a_dark_page_becomes_dark_on_white() -> None:
    lightened = lighten_dark_page(np.asarray(draw_terminal(20, 200)))

    assert np.median(lightened) == 255
    assert lightened.min() == 0


def test_a_light_page_stays_as_it_is() -> None:
    pixels = np.asarray(draw_terminal(240, 20))

    assert lighten_dark_page(pixels) is pixels


def test_a_photograph_in_the_dark_stays_as_it_is() -> None:
    pixels = data.astronaut() // 3  # type: ignore[no-untyped-call]

    assert lighten_dark_page(pixels) is pixels


def test_a_black_page_stays_as_it_is() -> None:
    pixels = np.zeros((100, 100, 3), np.uint8)

    assert lighten_dark_page(pixels) is pixels


def test_only_the_reader_sees_the_lightened_page(read: ReadDocument) -> None:
    reader, layout = FakeReader(lambda pixels: PageText(pixels, (make_line("$", (20, 20, 40, 40)),))), FakeLayout()

    read(encode(draw_terminal(20, 200), "PNG"), reader=reader, layout=layout)

    assert np.median(reader.pages[0]) == 255
    assert np.median(layout.pages[0]) == 20


def test_a_rotated_dark_page_keeps_its_colours(read: ReadDocument) -> None:
    def rotate(pixels: Pixels) -> PageText:
        return PageText(np.rot90(pixels), (make_line("$", (20, 20, 40, 40)),), 90)

    layout = FakeLayout()

    read(encode(draw_terminal(20, 200), "PNG"), reader=FakeReader(rotate), layout=layout)

    assert layout.pages[0].shape == (600, 200, 3)
    assert np.median(layout.pages[0]) == 20


def test_a_dark_picture_on_a_digital_page_is_read_dark_on_light(read: ReadDocument) -> None:
    def draw_screenshot(canvas: Canvas) -> None:
        canvas.drawImage(ImageReader(draw_terminal(20, 200)), 72, 100, 400, 133)

    reader = FakeReader()

    read(make_pdf(draw_all(draw_text(), draw_screenshot)), reader=reader)

    assert np.median(reader.pages[0][1300:1500, 200:900]) == 255
    assert reader.pages[0].min() < 50
