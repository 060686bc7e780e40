"""PDFs that can be searched: what was written into them is what other programs find in them."""

import io

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from pipelines.documents.outputs.searchable_pdf import to_pdf
from pipelines.documents.types import Document, Line
from tests.pipelines.documents.conftest import Read
from tests.pipelines.documents.outputs.drawn import document, line, page, region
from tests.pipelines.documents.pdfs import SENTENCES, pdf, text


def jpeg(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (1000, 1400), colour).save(file, "JPEG")
    return file.getvalue()


def found(data: bytes) -> list[str]:
    """Lines of each page as PDFium extracts them."""
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
    data = to_pdf(document(page(region("text", words), picture=jpeg("white"))))

    assert found(data) == [words]


def test_each_page_has_its_own_lines() -> None:
    data = to_pdf(document(page(region("text", "one two", "three")), page(region("text", "four"), number=2), page()))

    assert found(data) == ["one two\nthree", "four", ""]


def test_the_picture_is_seen_and_the_text_is_not() -> None:
    file = pypdfium2.PdfDocument(to_pdf(document(page(region("text", "black words"), picture=jpeg("teal")))))
    one = file[0]
    bitmap = one.render(scale=1)
    pixels, size = np.array(bitmap.to_numpy()), one.get_size()
    for thing in (bitmap, one, file):
        thing.close()

    assert size == pytest.approx((480, 672), abs=0.1)  # 1000 x 1400 pixels at 150 dpi
    assert np.ptp(pixels.reshape(-1, 3), axis=0).max() < 8


def test_words_lie_over_their_boxes() -> None:
    file = pypdfium2.PdfDocument(to_pdf(document(page(region("text", "harbour")))))
    one = file[0]
    layer = one.get_textpage()
    boxes = np.array([layer.get_charbox(index, loose=True) for index in range(7)])
    for thing in (layer, one, file):
        thing.close()

    left, bottom, right, top = boxes[:, 0].min(), boxes[:, 1].min(), boxes[:, 2].max(), boxes[:, 3].max()
    assert (left, right) == pytest.approx((100 * 0.48, 205 * 0.48), abs=2)
    assert (bottom, top) == pytest.approx((672 - 130 * 0.48, 672 - 100 * 0.48), abs=5)


@pytest.mark.parametrize(
    "polygon",
    [
        ((130, 500), (130, 100), (160, 100), (160, 500)),  # reads upwards
        ((160, 100), (160, 500), (130, 500), (130, 100)),  # reads downwards
        ((500, 130), (100, 130), (100, 100), (500, 100)),  # upside down
    ],
)
def test_text_that_lies_on_its_side_is_found_again(polygon: tuple[tuple[float, float], ...]) -> None:
    xs, ys = [x for x, _ in polygon], [y for _, y in polygon]
    box = (float(min(xs)), float(min(ys)), float(max(xs)), float(max(ys)))
    one = line("harbour", box).model_copy(update={"polygon": polygon})
    words = [word.model_copy(update={"box": box}) for word in one.words]
    turned = Line.model_validate(one.model_copy(update={"words": words}).model_dump())
    around = region("text").model_copy(update={"lines": [turned]})

    assert found(to_pdf(document(page(around)))) == ["harbour"]


def test_a_born_digital_document_keeps_its_text_all_the_way_round(read: Read) -> None:
    first: Document = read(pdf(text(), text(SENTENCES[:3])), pictures=True)

    again = read(to_pdf(first), ocr="never")

    assert [[line.text for region in one.regions for line in region.lines] for one in again.pages] == [
        list(SENTENCES),
        list(SENTENCES[:3]),
    ]
