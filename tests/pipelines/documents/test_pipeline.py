"""The documents pipeline behind the engine: pages of PDFs, TIFFs and images, in order and one by one."""

import asyncio
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from models.concurrency import ordered_map
from models.errors import DeadlineExceeded, InferenceFailed, Overloaded
from pipelines.cpu_pool import CpuPool
from pipelines.documents.errors import DocumentLocked, TooManyPages
from pipelines.documents.options import DocumentsOptions
from pipelines.documents.pdf.client import PdfiumClient
from pipelines.documents.pipeline import DocumentLimits
from pipelines.documents.stages import PageText, Pixels
from pipelines.documents.types import Page
from pipelines.engine import Engine
from pipelines.errors import RequestRejected
from pipelines.image.decode import ImageLimits
from pipelines.image.decode_cost import PICTURE_BYTES
from pipelines.pixel_budget import PixelBudget
from pipelines.run_context import RunContext
from tests.pipelines.documents.conftest import ReadDocument
from tests.pipelines.documents.fake_stages import (
    FakeLayout,
    FakeReader,
    make_documents_pipeline,
    make_line,
    return_lines,
)
from tests.pipelines.documents.sample_pdfs import (
    SENTENCES,
    WIDTH,
    draw_all,
    draw_invisible_text,
    draw_picture,
    draw_scan,
    draw_text,
    draw_upside_down,
    make_locked_pdf,
    make_pdf,
    make_pdf_with_broken_page,
    rotate_page,
)
from tests.pipelines.fakes import FakePipeline, NoOptions
from tests.pipelines.images import encode, frames


def line_texts(page: Page) -> list[str]:
    return [one.text for region in page.regions for one in region.lines]


def make_tiff(*sizes: tuple[int, int]) -> bytes:
    first, *others = (Image.new("RGB", size, "white") for size in sizes)
    return encode(first, "TIFF", save_all=True, append_images=others)


def test_a_born_digital_page_is_read_from_its_text_layer(read: ReadDocument) -> None:
    reader = FakeReader()

    [page] = read(make_pdf(draw_text()), reader=reader).pages

    assert line_texts(page) == list(SENTENCES)
    assert page.source == "text_layer"
    assert page.dpi == 150
    assert page.number == 1
    assert page.width == 1240
    assert page.height == 1754
    assert page.rotation == 0
    assert reader.pages == []


@pytest.mark.parametrize("draw", [draw_scan, draw_all(draw_scan, draw_invisible_text())])
def test_a_scanned_page_is_read_by_ocr(read: ReadDocument, draw: object) -> None:
    [page] = read(make_pdf(draw)).pages  # type: ignore[arg-type]

    assert line_texts(page) == ["read by OCR"]
    assert page.source == "ocr"


def test_each_page_is_read_from_its_own_source(read: ReadDocument) -> None:
    pages = read(make_pdf(draw_text(["typed"]), draw_scan, draw_text(["typed"]))).pages

    assert [page.source for page in pages] == ["text_layer", "ocr", "text_layer"]


def test_forced_ocr_ignores_the_text_layer(read: ReadDocument) -> None:
    [page] = read(make_pdf(draw_text()), ocr="force").pages

    assert line_texts(page) == ["read by OCR"]
    assert page.source == "ocr"


def test_without_ocr_a_scan_has_its_hidden_text(read: ReadDocument) -> None:
    pages = read(
        make_pdf(draw_all(draw_scan, draw_invisible_text(["found by the scanner"])), draw_scan), ocr="never"
    ).pages

    assert [line_texts(page) for page in pages] == [["found by the scanner"], []]


def test_an_image_is_read_in_addition_to_the_text_layer(read: ReadDocument) -> None:
    reader = FakeReader(return_lines(make_line("in the image", (300, 1200, 500, 1230))))

    [page] = read(make_pdf(draw_all(draw_text(), draw_picture((0, 0, WIDTH, 400)))), reader=reader).pages

    assert line_texts(page) == [*SENTENCES, "in the image"]
    assert page.source == "text_layer"
    assert reader.pages[0][:900].min() == 255  # what the text layer has is not read again


@pytest.mark.parametrize("stamp", ["NHA-000417", "1", "Signed by A. Example, 12 March 2025"])
def test_a_scan_under_a_stamp_is_read_with_the_stamp(read: ReadDocument, stamp: str) -> None:
    [page] = read(make_pdf(draw_all(draw_scan, draw_text([stamp], top=400)))).pages

    assert line_texts(page) == ["read by OCR", stamp]
    assert page.source == ("ocr" if len(stamp) < len("read by OCR") else "text_layer")


def test_ocr_sees_pictures_without_the_text_over_them(read: ReadDocument) -> None:
    reader = FakeReader()

    read(make_pdf(draw_all(draw_scan, draw_text(["NHA-000417"], top=400))), reader=reader)

    assert reader.pages[0][833:860, 140:300].min() > 200


def test_small_print_in_pictures_is_drawn_larger(read: ReadDocument) -> None:
    reader = FakeReader(return_lines(make_line("small", (100, 1000, 160, 1012))))

    [page] = read(make_pdf(draw_all(draw_text(), draw_picture((0, 0, WIDTH, 400)))), reader=reader).pages

    assert [pixels.shape[:2] for pixels in reader.pages] == [(1754, 1240), (3508, 2480)]
    assert (50.0, 500.0, 80.0, 506.0) in [region.box for region in page.regions]


def test_text_of_form_fields_is_read(read: ReadDocument) -> None:
    def form(canvas: object) -> None:
        canvas.acroForm.textfield(  # type: ignore[attr-defined]
            value="Ada Lovelace", x=100, y=600, width=200, height=30, borderWidth=0
        )

    [page] = read(make_pdf(draw_all(draw_text(["Name:"]), form))).pages

    assert set(line_texts(page)) == {"Name:", "Ada Lovelace"}


def test_boxes_of_a_rotated_page_are_mapped_back(read: ReadDocument) -> None:
    document = read(make_pdf(draw_upside_down(draw_text(["upside down"]))), pictures=True)

    [page] = document.pages
    line = page.regions[0].lines[0]
    x0, y0, x1, y1 = (round(edge) for edge in line.box)
    assert page.picture is not None
    pixels = np.asarray(Image.open(io.BytesIO(page.picture)))
    assert page.rotation == 180
    assert line.text == "upside down"
    assert pixels[y0:y1, x0:x1].min() < 128
    assert line.polygon is not None
    assert line.polygon[0] == pytest.approx((x1, y1), abs=1)  # the text's own top left


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_boxes_of_a_reader_that_rotates_are_mapped_back(read: ReadDocument, rotation: int) -> None:
    image = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(image).rectangle((240, 20, 279, 49), fill="black")

    def rotate(pixels: Pixels) -> PageText:
        upright = np.rot90(pixels, rotation // 90)
        rows, columns = np.nonzero(upright.min(axis=2) < 128)
        box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        return PageText(upright, (make_line("mark", tuple(map(float, box))),), rotation)  # type: ignore[arg-type]

    [page] = read(encode(image, "PNG"), reader=FakeReader(rotate)).pages

    assert page.rotation == rotation
    assert page.regions[0].box == (240.0, 20.0, 280.0, 50.0)  # that of the mark


def test_each_page_of_a_tiff_is_read_in_its_own_size(read: ReadDocument) -> None:
    layout = FakeLayout()

    document = read(make_tiff((40, 30), (50, 20), (60, 10)), layout=layout)

    assert [(page.number, page.width, page.height) for page in document.pages] == [
        (1, 40, 30),
        (2, 50, 20),
        (3, 60, 10),
    ]
    assert document.page_count == 3
    assert min(pixels.shape for pixels in layout.pages) == (10, 60, 3)


def test_an_animation_is_one_page(read: ReadDocument) -> None:
    first, *others = frames(3)

    document = read(encode(first, "GIF", save_all=True, append_images=others))

    assert document.page_count == 1
    assert len(document.pages) == 1


def test_selected_pages_come_in_order(read: ReadDocument) -> None:
    document = read(make_pdf(*[draw_text([f"page {number}"]) for number in range(1, 31)]), pages="29-,3,5-6")

    assert [line_texts(page) for page in document.pages] == [[f"page {number}"] for number in (3, 5, 6, 29, 30)]
    assert document.page_count == 30


def test_each_page_is_reported_in_order(read: ReadDocument) -> None:
    reported: list[tuple[int, int]] = []

    read(
        make_pdf(*[draw_text([f"page {number}"]) for number in range(1, 31)]),
        on_page=lambda page, of: reported.append((page.number, of)),
    )

    assert reported == [(number, 30) for number in range(1, 31)]


def test_more_pages_than_the_limit_are_refused(read: ReadDocument) -> None:
    with pytest.raises(TooManyPages):
        read(make_pdf(draw_text(), draw_text(), draw_text()), limits=DocumentLimits(pages=2))


def test_a_page_beyond_the_document_is_refused(read: ReadDocument) -> None:
    with pytest.raises(RequestRejected):
        read(make_pdf(draw_text()), pages="2")


def test_a_broken_page_has_an_error_among_the_others(read: ReadDocument) -> None:
    pages = read(make_pdf_with_broken_page(2, 3)).pages

    assert [page.error for page in pages] == [None, "page 2 cannot be read", None]
    assert [line_texts(page) for page in pages] == [["This is page 1."], [], ["This is page 3."]]


def test_a_broken_first_page_does_not_stop_the_others(read: ReadDocument) -> None:
    pages = read(make_pdf_with_broken_page(1, 2)).pages

    assert [page.error for page in pages] == ["page 1 cannot be read", None]


def make_failing_reader(error: Exception) -> FakeReader:
    def fail(pixels: Pixels) -> PageText:
        raise error

    return FakeReader(fail)


def test_a_page_whose_reading_fails_has_an_error(read: ReadDocument) -> None:
    pages = read(
        make_pdf(draw_scan, draw_text(["typed"])), reader=make_failing_reader(InferenceFailed("no luck"))
    ).pages

    assert [(page.error, page.source) for page in pages] == [("no luck", None), (None, "text_layer")]


@pytest.mark.parametrize("error", [Overloaded("the reader", 3), DeadlineExceeded("the reader")])
def test_overload_and_a_passed_deadline_stop_the_document(read: ReadDocument, error: Exception) -> None:
    with pytest.raises(type(error)):
        read(make_pdf(draw_scan, draw_text()), reader=make_failing_reader(error))


def test_a_page_that_takes_too_long_has_an_error(read: ReadDocument) -> None:
    class Endless(FakeReader):
        async def read(self, pixels: Pixels, context: RunContext) -> PageText:
            await asyncio.sleep(3600)
            raise AssertionError

    pages = read(
        make_pdf(draw_text(["typed"]), draw_scan), reader=Endless(), limits=DocumentLimits(page_seconds=1.0)
    ).pages

    assert [page.error for page in pages] == [None, "page 2 was not done in 1 seconds"]


def test_a_locked_document_opens_with_its_password(read: ReadDocument) -> None:
    [page] = read(make_locked_pdf("secret"), password="secret").pages

    assert line_texts(page) == list(SENTENCES)


def test_a_locked_document_needs_its_password(read: ReadDocument) -> None:
    with pytest.raises(DocumentLocked):
        read(make_locked_pdf("secret"))


def test_pipelines_for_images_see_the_first_page(pdfium: PdfiumClient) -> None:
    pool, pipeline = CpuPool(threads=1), FakePipeline()
    engine = Engine([pipeline, make_documents_pipeline(pdfium, pool)], pool=pool, limits=ImageLimits(), pdfium=pdfium)

    findings = asyncio.run(
        engine.run(make_pdf(draw_text(), draw_scan), {"features": NoOptions(), "document": DocumentsOptions(pages="2")})
    )
    pool.close()

    assert pipeline.seen[0].format == "PDF"
    assert pipeline.seen[0].pixels.size == (1240, 1754)
    assert findings.image.width == 1240
    assert findings.image.frames == 2


def test_of_pages_that_were_read_the_looks_are_not_told(pdfium: PdfiumClient) -> None:
    pool = CpuPool(threads=1)
    pipelines: list[Any] = [FakePipeline(), FakePipeline("moderation"), make_documents_pipeline(pdfium, pool)]
    engine = Engine(pipelines, pool=pool, limits=ImageLimits(), pdfium=pdfium)
    options = {"features": NoOptions(), "moderation": NoOptions(), "document": DocumentsOptions()}

    findings = asyncio.run(engine.run(make_pdf(draw_text(["typed"])), options))
    pool.close()

    assert findings.prompt.startswith("Document: 1 page.")
    assert "[p1.r1] typed" in findings.prompt
    assert "description of moderation" in findings.prompt
    assert "description of features" not in findings.prompt


def test_a_document_alone_is_read_without_its_first_picture(pdfium: PdfiumClient) -> None:
    pool = CpuPool(threads=1)
    engine = Engine([make_documents_pipeline(pdfium, pool)], pool=pool, limits=ImageLimits(), pdfium=pdfium)

    findings = asyncio.run(engine.run(make_pdf(draw_text(["typed"])), {"document": DocumentsOptions()}))
    pool.close()

    assert findings.prompt.endswith("\n```text\n[p1.r1] typed\n```")
    assert set(findings.timings) >= {"decode", "document.draw", "document.layout", "document.text_layer", "total"}


def test_an_ordered_map_is_bounded_and_in_order() -> None:
    running, peak = set[int](), 0

    async def work(number: int) -> int:
        nonlocal peak
        running.add(number)
        peak = max(peak, len(running))
        await asyncio.sleep(0.001 * (number % 3))
        running.discard(number)
        return number

    async def scene() -> list[int]:
        return [number async for number in ordered_map(range(12), work, 3)]

    assert asyncio.run(scene()) == list(range(12))
    assert peak == 3


def test_closing_an_ordered_map_cancels_its_work() -> None:
    cancelled: list[int] = []

    async def work(number: int) -> int:
        try:
            await asyncio.sleep(0 if number == 0 else 3600)
        except asyncio.CancelledError:
            cancelled.append(number)
            raise
        return number

    async def scene() -> None:
        numbers = ordered_map(range(9), work, 3)
        assert await anext(numbers) == 0
        await numbers.aclose()

    asyncio.run(scene())

    assert cancelled == [1, 2]


def test_a_page_with_a_rotate_entry_is_read_upright(read: ReadDocument) -> None:
    """/Rotate turns the page together with its text: the result is as viewers show it."""
    [page] = read(make_pdf(rotate_page(90, draw_text(["sideways"])))).pages

    assert page.rotation == 90
    assert page.width == 1240
    assert page.height == 1754
    x0, y0, x1, y1 = page.regions[0].box
    assert x1 - x0 < y1 - y0


def test_pages_after_the_first_give_way(read: ReadDocument) -> None:
    reader = FakeReader()

    read(make_tiff((40, 20), (41, 20), (42, 20)), reader=reader)

    assert [(pixels.shape[1], priority) for pixels, priority in zip(reader.pages, reader.priorities, strict=True)] == [
        (40, "interactive"),
        (41, "batch"),
        (42, "batch"),
    ]


def test_pages_are_charged_for_their_pixels_and_all_is_given_back(pdfium: PdfiumClient) -> None:
    budget, used = PixelBudget(2**30, wait_seconds=0), list[int]()
    pool = CpuPool(threads=1)

    def read_page(pixels: Pixels) -> PageText:
        used.append(budget.used_bytes)
        return PageText(pixels, ())

    pipeline = make_documents_pipeline(pdfium, pool, reader=FakeReader(read_page), limits=DocumentLimits())
    engine = Engine([pipeline], pool=pool, limits=ImageLimits(), pdfium=pdfium, budget=budget)
    asyncio.run(engine.run(make_pdf(draw_scan), {"document": DocumentsOptions()}))
    pool.close()

    assert used == [1240 * 1754 * PICTURE_BYTES]
    assert budget.used_bytes == 0


def test_regions_have_ids_by_page_and_reading_order(read: ReadDocument) -> None:
    pages = read(make_pdf(draw_text(["one", "two"]), draw_text(["three"]))).pages

    assert [[one.id for one in page.regions] for page in pages] == [["p1.r1", "p1.r2"], ["p2.r1"]]
    assert pages[0].regions[1].text == "two"
    assert pages[0].regions[1].lines[0].id == "p1.r2.l1"


def test_a_page_has_the_same_ids_whichever_pages_are_read(read: ReadDocument) -> None:
    pdf = make_pdf(draw_text(["one"]), draw_text(["two"]))

    assert read(pdf, pages="2").pages[0].regions == read(pdf).pages[1].regions


def test_a_page_has_the_warnings_of_its_reader(read: ReadDocument) -> None:
    warned = FakeReader(lambda pixels: PageText(pixels, (), warnings=("script-not-covered",)))
    [page] = read(encode(Image.new("RGB", (40, 40), "white"), "PNG"), reader=warned).pages

    assert page.warnings == ["script-not-covered"]


def test_white_text_on_a_transparent_ground_is_seen_by_the_reader(read: ReadDocument) -> None:
    reader, image = FakeReader(), Image.new("RGBA", (40, 40), (255, 255, 255, 0))
    image.paste("white", (10, 10, 30, 20))
    read(encode(image, "PNG"), reader=reader)

    assert reader.pages[0].min() == 0
    assert reader.pages[0].max() == 255
