"""Searchable PDFs: other programs find the text that was written into them."""

import io

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from pipelines.documents.outputs.searchable_pdf import to_pdf
from pipelines.documents.types import Document, DocumentLine
from tests.pipelines.documents.conftest import ReadDocument
from tests.pipelines.documents.outputs.sample_documents import make_document, make_line, make_page, make_region
from tests.pipelines.documents.sample_pdfs import SENTENCES, draw_text, make_pdf


def make_jpeg(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (1000, 1400), colour).save(file, "JPEG")
    return file.getvalue()


def extract_lines(data: bytes) -> list[str]:
    """The lines of each page as PDFium extracts them."""
    file = pypdfium2.PdfDocument(data)
    pages = []
    for number in range(len(file)):
        one = file[number]
        layer = one.get_textpage()
        pages.append("\n".join(line.rstrip() for line in layer.get_text_range().splitlines()))
        layer.close()
        one.close()
    file.close()
    return pages


@pytest.mark.parametrize(
    "words",
    ["The harbour was quiet.", "Größe & Maß: 12,40 €", "Все люди рождаются", "(a) \\ <b> [c]", "人人生而自由", "字"],
)
def test_the_text_is_found_again(words: str) -> None:
    data = to_pdf(make_document(make_page(make_region("text", words), picture=make_jpeg("white"))))

    assert extract_lines(data) == [words]


def test_each_page_has_its_own_lines() -> None:
    data = to_pdf(
        make_document(
            make_page(make_region("text", "one two", "three")),
            make_page(make_region("text", "four"), number=2),
            make_page(),
        )
    )

    assert extract_lines(data) == ["one two\nthree", "four", ""]


def test_the_picture_is_visible_and_the_text_invisible() -> None:
    file = pypdfium2.PdfDocument(
        to_pdf(make_document(make_page(make_region("text", "black words"), picture=make_jpeg("teal"))))
    )
    one = file[0]
    bitmap = one.render(scale=1)
    pixels, size = np.array(bitmap.to_numpy()), one.get_size()
    for thing in (bitmap, one, file):
        thing.close()

    assert size == pytest.approx((480, 672), abs=0.1)  # 1000 x 1400 pixels at 150 dpi
    assert np.ptp(pixels.reshape(-1, 3), axis=0).max() < 8


@pytest.mark.parametrize(("rotation", "top"), [(90, "right"), (180, "bottom"), (270, "left")])
def test_a_page_whose_content_was_rotated_is_shown_upright(rotation: int, top: str) -> None:
    picture = Image.new("RGB", (1000, 1400), "white")
    edges = {"right": (900, 0, 1000, 1400), "bottom": (0, 1300, 1000, 1400), "left": (0, 0, 100, 1400)}
    picture.paste("red", edges[top])
    jpeg = io.BytesIO()
    picture.save(jpeg, "JPEG")
    page = make_page(make_region("text", "harbour"), picture=jpeg.getvalue()).model_copy(update={"rotation": rotation})
    data = to_pdf(make_document(page))
    file = pypdfium2.PdfDocument(data)
    one = file[0]
    bitmap = one.render(scale=1)
    pixels = np.array(bitmap.to_numpy()).astype(int)[:, :, :3]
    for thing in (bitmap, one, file):
        thing.close()
    is_red = np.ptp(pixels, axis=2) > 100

    assert is_red[:20].all()
    assert not is_red[len(pixels) // 2 :].any()
    assert extract_lines(data) == ["harbour"]


def test_words_lie_over_their_boxes() -> None:
    file = pypdfium2.PdfDocument(to_pdf(make_document(make_page(make_region("text", "harbour")))))
    one = file[0]
    layer = one.get_textpage()
    boxes = np.array([layer.get_charbox(index, loose=True) for index in range(7)])
    for thing in (layer, one, file):
        thing.close()

    left, bottom, right, top = boxes[:, 0].min(), boxes[:, 1].min(), boxes[:, 2].max(), boxes[:, 3].max()
    assert left == pytest.approx(100 * 0.48, abs=2)
    assert right == pytest.approx(205 * 0.48, abs=2)
    assert bottom == pytest.approx(672 - 130 * 0.48, abs=5)
    assert top == pytest.approx(672 - 100 * 0.48, abs=5)


@pytest.mark.parametrize(
    "polygon",
    [
        ((130, 500), (130, 100), (160, 100), (160, 500)),  # reads upwards
        ((160, 100), (160, 500), (130, 500), (130, 100)),  # reads downwards
        ((500, 130), (100, 130), (100, 100), (500, 100)),  # upside down
    ],
)
def test_rotated_text_is_found_again(polygon: tuple[tuple[float, float], ...]) -> None:
    xs, ys = [x for x, _ in polygon], [y for _, y in polygon]
    box = (float(min(xs)), float(min(ys)), float(max(xs)), float(max(ys)))
    one = make_line("harbour", box).model_copy(update={"polygon": polygon})
    words = [word.model_copy(update={"box": box}) for word in one.words]
    vertical = DocumentLine.model_validate(one.model_copy(update={"words": words}).model_dump())
    rotated = make_region("text").model_copy(update={"lines": [vertical]})

    assert extract_lines(to_pdf(make_document(make_page(rotated)))) == ["harbour"]


def test_a_document_keeps_its_text_in_a_round_trip(read: ReadDocument) -> None:
    first: Document = read(make_pdf(draw_text(), draw_text(SENTENCES[:3])), pictures=True)

    again = read(to_pdf(first), ocr="never")

    assert [[line.text for region in one.regions for line in region.lines] for one in again.pages] == [
        list(SENTENCES),
        list(SENTENCES[:3]),
    ]
