"""The documents pipeline behind the engine: pages of PDFs, TIFFs and images, in order, each for itself."""

import asyncio
import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from models.concurrency import ordered_map
from models.errors import DeadlineExceeded, InferenceFailed, Overloaded
from pipelines.cpu_pool import CpuPool
from pipelines.documents.errors import DocumentLocked, TooManyPages
from pipelines.documents.options import DocumentsOptions
from pipelines.documents.pdf.client import Pdfium
from pipelines.documents.pipeline import DocumentLimits
from pipelines.documents.stages import PageText, Pixels
from pipelines.documents.types import Page
from pipelines.engine import Engine
from pipelines.errors import RequestRejected
from pipelines.image.decode import Limits
from pipelines.run_context import RunContext
from tests.pipelines.documents.conftest import Read
from tests.pipelines.documents.pdfs import (
    HEIGHT,
    SENTENCES,
    WIDTH,
    both,
    invisible,
    locked,
    pdf,
    picture,
    scan,
    text,
    turned,
    upended,
    with_broken_page,
)
from tests.pipelines.documents.stages import FakeLayout, FakeReader, documents, line, reads
from tests.pipelines.fakes import FakePipeline, NoOptions
from tests.pipelines.images import encode, frames


def texts(page: Page) -> list[str]:
    return [one.text for region in page.regions for one in region.lines]


def tiff(*sizes: tuple[int, int]) -> bytes:
    first, *others = (Image.new("RGB", size, "white") for size in sizes)
    return encode(first, "TIFF", save_all=True, append_images=others)


def test_a_born_digital_page_is_read_from_its_text_layer(read: Read) -> None:
    reader = FakeReader()

    [page] = read(pdf(text()), reader=reader).pages

    assert (texts(page), page.source, page.dpi) == (list(SENTENCES), "text_layer", 150)
    assert (page.number, page.width, page.height, page.rotation) == (1, 1240, 1754, 0)
    assert reader.seen == []


@pytest.mark.parametrize("draw", [scan, both(scan, invisible())])
def test_a_scanned_page_is_read_by_its_looks(read: Read, draw: object) -> None:
    [page] = read(pdf(draw)).pages  # type: ignore[arg-type]

    assert (texts(page), page.source) == (["read by looks"], "ocr")


def test_pages_of_one_document_are_read_each_in_its_way(read: Read) -> None:
    pages = read(pdf(text(["typed"]), scan, text(["typed"]))).pages

    assert [page.source for page in pages] == ["text_layer", "ocr", "text_layer"]


def test_forced_ocr_does_not_ask_the_text_layer(read: Read) -> None:
    [page] = read(pdf(text()), ocr="force").pages

    assert (texts(page), page.source) == (["read by looks"], "ocr")


def test_without_ocr_a_scan_has_what_its_scanner_has_read(read: Read) -> None:
    pages = read(pdf(both(scan, invisible(["found by the scanner"])), scan), ocr="never").pages

    assert [texts(page) for page in pages] == [["found by the scanner"], []]


def test_an_image_on_a_page_is_read_beside_its_text_layer(read: Read) -> None:
    reader = FakeReader(reads(line("in the image", (300, 1200, 500, 1230))))

    [page] = read(pdf(both(text(), picture((0, 0, WIDTH, 400)))), reader=reader).pages

    assert (texts(page), page.source) == ([*SENTENCES, "in the image"], "text_layer")
    assert reader.seen[0][:900].min() == 255  # what the text layer has is not read again


def test_text_of_form_fields_is_read(read: Read) -> None:
    def form(canvas: object) -> None:
        canvas.acroForm.textfield(  # type: ignore[attr-defined]
            value="Ada Lovelace", x=100, y=600, width=200, height=30, borderWidth=0
        )

    [page] = read(pdf(both(text(["Name:"]), form))).pages

    assert set(texts(page)) == {"Name:", "Ada Lovelace"}


def test_boxes_of_a_turned_page_are_those_of_the_page_as_it_came_in(read: Read) -> None:
    document = read(pdf(upended(text(["upside down"]))), pictures=True)

    [page] = document.pages
    found = page.regions[0].lines[0]
    x0, y0, x1, y1 = (round(edge) for edge in found.box)
    assert page.picture is not None
    seen = np.asarray(Image.open(io.BytesIO(page.picture)))
    assert (page.rotation, found.text) == (180, "upside down")
    assert seen[y0:y1, x0:x1].min() < 128
    assert found.polygon is not None
    assert found.polygon[0] == pytest.approx((x1, y1), abs=1)  # the text's own top left


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_reader_that_turns_the_page_is_followed_back(read: Read, rotation: int) -> None:
    """The mark is where the reader, who turned the page, says that the line is."""
    image = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(image).rectangle((240, 20, 279, 49), fill="black")

    def turning(pixels: Pixels) -> PageText:
        upright = np.rot90(pixels, rotation // 90)
        rows, columns = np.nonzero(upright.min(axis=2) < 128)
        box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        return PageText(upright, (line("mark", tuple(map(float, box))),), rotation)  # type: ignore[arg-type]

    [page] = read(encode(image, "PNG"), reader=FakeReader(turning)).pages

    assert (page.rotation, page.regions[0].box) == (rotation, (240.0, 20.0, 280.0, 50.0))


def test_each_page_of_a_tiff_is_read_in_its_own_size(read: Read) -> None:
    layout = FakeLayout()

    document = read(tiff((40, 30), (50, 20), (60, 10)), layout=layout)

    assert [(page.number, page.width, page.height) for page in document.pages] == [
        (1, 40, 30),
        (2, 50, 20),
        (3, 60, 10),
    ]
    assert (document.page_count, sorted(seen.shape for seen in layout.seen)[0]) == (3, (10, 60, 3))


def test_of_an_animation_the_first_picture_is_the_page(read: Read) -> None:
    first, *others = frames(3)

    document = read(encode(first, "GIF", save_all=True, append_images=others))

    assert (document.page_count, len(document.pages)) == (1, 1)


def test_chosen_pages_come_in_order(read: Read) -> None:
    document = read(pdf(*[text([f"page {number}"]) for number in range(1, 31)]), pages="29-,3,5-6")

    assert [texts(page) for page in document.pages] == [[f"page {number}"] for number in (3, 5, 6, 29, 30)]
    assert document.page_count == 30


def test_thirty_pages_are_reported_as_they_are_done(read: Read) -> None:
    told: list[tuple[int, int]] = []

    read(
        pdf(*[text([f"page {number}"]) for number in range(1, 31)]),
        report=lambda page, of: told.append((page.number, of)),
    )

    assert told == [(number, 30) for number in range(1, 31)]


def test_more_pages_than_allowed_are_refused(read: Read) -> None:
    with pytest.raises(TooManyPages):
        read(pdf(text(), text(), text()), limits=DocumentLimits(pages=2))


def test_a_page_that_is_not_there_is_refused(read: Read) -> None:
    with pytest.raises(RequestRejected):
        read(pdf(text()), pages="2")


def test_a_broken_page_is_reported_among_the_others(read: Read) -> None:
    pages = read(with_broken_page(2, 3)).pages

    assert [page.error for page in pages] == [None, "page 2 cannot be read", None]
    assert [texts(page) for page in pages] == [["This is page 1."], [], ["This is page 3."]]


def test_a_broken_first_page_does_not_keep_the_others(read: Read) -> None:
    pages = read(with_broken_page(1, 2)).pages

    assert [page.error for page in pages] == ["page 1 cannot be read", None]


def failing(error: Exception) -> FakeReader:
    def fail(pixels: Pixels) -> PageText:
        raise error

    return FakeReader(fail)


def test_a_page_whose_reading_fails_is_reported(read: Read) -> None:
    pages = read(pdf(scan, text(["typed"])), reader=failing(InferenceFailed("no luck"))).pages

    assert [(page.error, page.source) for page in pages] == [("no luck", None), (None, "text_layer")]


@pytest.mark.parametrize("error", [Overloaded("the reader", 3), DeadlineExceeded("the reader")])
def test_what_stops_all_pages_stops_the_document(read: Read, error: Exception) -> None:
    with pytest.raises(type(error)):
        read(pdf(scan, text()), reader=failing(error))


def test_a_page_that_takes_too_long_is_reported(read: Read) -> None:
    class Endless(FakeReader):
        async def read(self, pixels: Pixels, context: RunContext) -> PageText:
            await asyncio.sleep(3600)
            raise AssertionError

    pages = read(pdf(text(["typed"]), scan), reader=Endless(), limits=DocumentLimits(page_seconds=1.0)).pages

    assert [page.error for page in pages] == [None, "page 2 was not done in 1 seconds"]


def test_a_locked_document_opens_with_its_password(read: Read) -> None:
    [page] = read(locked("secret"), password="secret").pages

    assert texts(page) == list(SENTENCES)


def test_a_locked_document_stays_locked_without(read: Read) -> None:
    with pytest.raises(DocumentLocked):
        read(locked("secret"))


def test_pipelines_for_images_see_the_first_page(pdfium: Pdfium) -> None:
    pool, pipeline = CpuPool(threads=1), FakePipeline()
    engine = Engine([pipeline, documents(pdfium, pool)], pool=pool, limits=Limits(), pdfium=pdfium)

    findings = asyncio.run(
        engine.run(pdf(text(), scan), {"features": NoOptions(), "document": DocumentsOptions(pages="2")})
    )
    pool.close()

    assert (pipeline.seen[0].pixels.size, pipeline.seen[0].format) == ((1240, 1754), "PDF")
    assert (findings.image.width, findings.image.frames) == (1240, 2)
    assert findings.prompt.startswith("Document: 1240 x 1754 pixels, portrait, PDF, first of 2 pages.\nbrief")


def test_a_document_alone_has_no_first_page_drawn(pdfium: Pdfium) -> None:
    pool = CpuPool(threads=1)
    engine = Engine([documents(pdfium, pool)], pool=pool, limits=Limits(), pdfium=pdfium)

    findings = asyncio.run(engine.run(pdf(text(["typed"])), {"document": DocumentsOptions()}))
    pool.close()

    assert findings.prompt.endswith("\n```markdown\n<!-- page 1 -->\n\ntyped\n```")
    assert set(findings.timings) >= {"decode", "document.draw", "document.layout", "document.text_layer", "total"}


def test_work_is_bounded_and_its_results_are_in_order() -> None:
    running, most = set[int](), 0

    async def work(number: int) -> int:
        nonlocal most
        running.add(number)
        most = max(most, len(running))
        await asyncio.sleep(0.001 * (number % 3))
        running.discard(number)
        return number

    async def scene() -> list[int]:
        return [number async for number in ordered_map(range(12), work, 3)]

    assert (asyncio.run(scene()), most) == (list(range(12)), 3)


def test_work_that_nobody_waits_for_is_cancelled() -> None:
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


def test_turned_pages_of_a_pdf_are_upright_already(read: Read) -> None:
    """/Rotate turns the page, and with it the writing: what viewers show is what is answered."""
    [page] = read(pdf(turned(90, text(["sideways"])))).pages

    assert (page.rotation, page.width, page.height) == (90, 1240, 1754)
    x0, y0, x1, y1 = page.regions[0].box
    assert (x1 - x0 < y1 - y0, HEIGHT > 0) == (True, True)
