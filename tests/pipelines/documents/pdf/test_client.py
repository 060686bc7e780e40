"""The PDFium client: opening, measuring and rendering PDFs."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack

import numpy as np
import pytest

from pipelines.documents.errors import DocumentCorrupt, DocumentLocked, PageBroken, PageTooSlow
from pipelines.documents.pdf.client import PdfDocument, PdfiumClient, PdfLimits
from pipelines.errors import TooManyBytes
from tests.pipelines.documents.conftest import UsePdf
from tests.pipelines.documents.sample_pdfs import (
    draw_text,
    make_blank_pdf,
    make_endless_pdf,
    make_locked_pdf,
    make_pdf,
    make_pdf_with_broken_page,
    rotate_page,
)


async def page_count(file: PdfDocument) -> int:
    return file.page_count


def test_pages_are_counted(use_pdf: UsePdf) -> None:
    assert use_pdf(make_pdf(draw_text(), draw_text(), draw_text()), page_count) == 3


@pytest.mark.parametrize(("dpi", "shape"), [(72, (842, 595, 3)), (150, (1754, 1240, 3))])
def test_a_page_is_rendered_at_the_requested_resolution(use_pdf: UsePdf, dpi: int, shape: tuple[int, ...]) -> None:
    page = use_pdf(make_pdf(draw_text()), lambda file: file.render_page(1, dpi))

    assert page.dpi == dpi
    assert page.pixels.shape == shape
    assert use_pdf(make_pdf(draw_text()), lambda file: file.page_size(1, dpi)) == (shape[1], shape[0])


def test_colours_are_red_green_blue_on_white(use_pdf: UsePdf) -> None:
    def red(canvas: object) -> None:
        canvas.setFillColorRGB(1, 0, 0)  # type: ignore[attr-defined]
        canvas.rect(0, 0, 300, 842, stroke=0, fill=1)  # type: ignore[attr-defined]

    pixels = use_pdf(make_pdf(red), lambda file: file.render_page(1, 72)).pixels

    assert pixels[400, 100].tolist() == [255, 0, 0]
    assert pixels[400, 500].tolist() == [255, 255, 255]


def test_a_rotated_page_is_rendered_as_viewers_show_it(use_pdf: UsePdf) -> None:
    page = use_pdf(make_pdf(rotate_page(90, draw_text(["top left"]))), lambda file: file.render_page(1, 72))

    assert page.pixels.shape == (842, 595, 3)
    dark = np.argwhere(page.pixels.min(axis=2) < 128)
    assert dark.min(axis=0).tolist() == pytest.approx([72, 595 - 83], abs=10)


def test_a_page_with_too_many_pixels_has_a_lower_dpi() -> None:
    client = PdfiumClient(PdfLimits(pixels=100_000))

    async def scene() -> tuple[int, int]:
        async with client.open_document(make_pdf(draw_text())) as file:
            page = await file.render_page(1, 150)
            return page.dpi or 0, page.pixels.shape[0] * page.pixels.shape[1]

    dpi, pixels = asyncio.run(scene())
    client.close()

    assert dpi == 32
    assert 90_000 < pixels < 101_000


@pytest.mark.parametrize(
    ("limits", "error", "deaths"),
    [
        (PdfLimits(seconds=2.0), PageTooSlow, {"late": 1, "died": 0}),
        (PdfLimits(memory=2**29), PageBroken, {"late": 0, "died": 2}),
    ],
)
def test_an_endless_page_fails_alone(limits: PdfLimits, error: type[Exception], deaths: dict[str, int]) -> None:
    client = PdfiumClient(limits)

    async def scene() -> list[int]:
        async with (
            client.open_document(make_endless_pdf()) as bad,
            client.open_document(make_pdf(draw_text(), draw_text())) as good,
        ):
            before = len((await good.render_page(1, 72)).pixels)
            with pytest.raises(error, match="page 1"):
                await bad.render_page(1, 72)
            return [before, len((await good.render_page(2, 72)).pixels), bad.page_count]

    found, counted = asyncio.run(scene()), client.deaths.by_reason()
    client.close()

    assert found == [842, 842, 1]
    assert counted == deaths


def test_a_process_that_died_since_is_replaced_unnoticed(pdfium: PdfiumClient) -> None:
    data = make_pdf(draw_text(), draw_text())

    async def scene() -> list[int]:
        async with pdfium.open_document(data) as early:
            before = len((await early.render_page(1, 72)).pixels)
            end_process(pdfium)
            async with pdfium.open_document(data) as late:
                opened = late.page_count
            end_process(pdfium)
            return [before, opened, len((await early.render_page(2, 72)).pixels)]

    assert asyncio.run(scene()) == [842, 2, 842]


def end_process(pdfium: PdfiumClient) -> None:
    assert pdfium.process_id is not None
    os.kill(pdfium.process_id, signal.SIGKILL)


def test_a_page_survives_others_that_end_the_process() -> None:
    client = PdfiumClient(PdfLimits(memory=2**29))

    async def scene() -> list[int | BaseException]:
        bad = [make_endless_pdf(), make_endless_pdf(), make_endless_pdf()]
        async with AsyncExitStack() as stack:
            files = [
                await stack.enter_async_context(client.open_document(data)) for data in [*bad, make_pdf(draw_text())]
            ]
            pages = await asyncio.gather(*(file.render_page(1, 72) for file in files), return_exceptions=True)
            return [page if isinstance(page, BaseException) else len(page.pixels) for page in pages]

    found = asyncio.run(scene())
    client.close()

    assert [one if isinstance(one, int) else type(one) for one in found] == [PageBroken, PageBroken, PageBroken, 842]


def test_a_page_as_thin_as_a_thread_stays_within_the_pixels(use_pdf: UsePdf) -> None:
    async def measure(file: PdfDocument) -> tuple[tuple[int, int], tuple[int, ...]]:
        return await file.page_size(1, 150), (await file.render_page(1, 150)).pixels.shape

    size, shape = use_pdf(make_blank_pdf(1e9, 0.001), measure)

    assert size == (13_888_889, 1)
    assert shape == (1, 13_888_889, 3)


def test_a_file_over_the_limit_is_not_opened() -> None:
    client = PdfiumClient(PdfLimits(bytes=100))

    async def scene() -> None:
        async with client.open_document(bytes(101)):
            raise AssertionError

    with pytest.raises(TooManyBytes):
        asyncio.run(scene())
    client.close()


@pytest.mark.parametrize(("password", "words"), [(None, "give its password"), ("wrong", "this password does not open")])
def test_a_locked_file_needs_its_password(use_pdf: UsePdf, password: str | None, words: str) -> None:
    with pytest.raises(DocumentLocked, match=words):
        use_pdf(make_locked_pdf("secret"), page_count, password)


def test_a_locked_file_opens_with_its_password(use_pdf: UsePdf) -> None:
    assert use_pdf(make_locked_pdf("secret"), page_count, "secret") == 1


@pytest.mark.parametrize("data", [b"%PDF-", b"%PDF-1.7\nnothing else", make_pdf(draw_text())[:300]])
def test_a_broken_file_is_corrupt(use_pdf: UsePdf, data: bytes) -> None:
    with pytest.raises(DocumentCorrupt):
        use_pdf(data, page_count)


def test_a_broken_page_fails_alone(use_pdf: UsePdf) -> None:
    async def render_all(file: PdfDocument) -> tuple[int, int]:
        with pytest.raises(PageBroken, match="page 2 cannot be read"):
            await file.render_page(2, 72)
        return (await file.render_page(1, 72)).number, (await file.render_page(3, 72)).number

    assert use_pdf(make_pdf_with_broken_page(2, 3), render_all) == (1, 3)


def test_a_broken_page_measures_one_pixel(use_pdf: UsePdf) -> None:
    assert use_pdf(make_pdf_with_broken_page(1, 2), lambda file: file.page_size(1, 150)) == (1, 1)


def test_documents_read_concurrently_do_not_interfere(pdfium: PdfiumClient) -> None:
    other = PdfiumClient()

    async def heights(client: PdfiumClient, dpi: int) -> tuple[int, int]:
        async with client.open_document(make_pdf(draw_text(), draw_text())) as file:
            return len((await file.render_page(1, dpi)).pixels), len((await file.render_page(2, dpi)).characters.codes)  # type: ignore[union-attr]

    async def scene() -> list[tuple[int, int]]:
        return await asyncio.gather(*(heights(client, 72) for client in (pdfium, other) * 8))

    found = asyncio.run(scene())
    other.close()

    assert len(set(found)) == 1


def test_the_client_stays_usable_after_a_cancellation(pdfium: PdfiumClient) -> None:
    async def forever() -> None:
        async with pdfium.open_document(make_pdf(draw_text())) as file:
            while True:
                await file.render_page(1, 72)

    async def scene() -> int:
        task = asyncio.create_task(forever())
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait({task})
        async with pdfium.open_document(make_pdf(draw_text())) as file:
            return file.page_count

    assert asyncio.run(scene()) == 1
