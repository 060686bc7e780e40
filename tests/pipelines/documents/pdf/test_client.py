"""PDFs: opened, measured and drawn."""

import asyncio
from contextlib import AsyncExitStack

import numpy as np
import pytest

from pipelines.documents.errors import DocumentCorrupt, DocumentLocked, PageBroken, PageTooSlow
from pipelines.documents.pdf.client import Pdf, Pdfium, PdfLimits
from pipelines.errors import TooManyBytes
from tests.pipelines.documents.conftest import Look
from tests.pipelines.documents.pdfs import endless, locked, pdf, text, turned, with_broken_page


async def count(file: Pdf) -> int:
    return file.page_count


def test_pages_are_counted(look: Look) -> None:
    assert look(pdf(text(), text(), text()), count) == 3


@pytest.mark.parametrize(("dpi", "shape"), [(72, (842, 595, 3)), (150, (1754, 1240, 3))])
def test_a_page_is_drawn_at_the_resolution_that_is_asked_for(look: Look, dpi: int, shape: tuple[int, ...]) -> None:
    page = look(pdf(text()), lambda file: file.page(1, dpi))

    assert (page.dpi, page.pixels.shape) == (dpi, shape)
    assert look(pdf(text()), lambda file: file.size(1, dpi)) == (shape[1], shape[0])


def test_colours_are_red_green_blue_on_white(look: Look) -> None:
    def red(canvas: object) -> None:
        canvas.setFillColorRGB(1, 0, 0)  # type: ignore[attr-defined]
        canvas.rect(0, 0, 300, 842, stroke=0, fill=1)  # type: ignore[attr-defined]

    pixels = look(pdf(red), lambda file: file.page(1, 72)).pixels

    assert (pixels[400, 100].tolist(), pixels[400, 500].tolist()) == ([255, 0, 0], [255, 255, 255])


def test_a_turned_page_is_as_viewers_show_it(look: Look) -> None:
    page = look(pdf(turned(90, text(["top left"]))), lambda file: file.page(1, 72))

    assert page.pixels.shape == (842, 595, 3)
    dark = np.argwhere(page.pixels.min(axis=2) < 128)
    assert dark.min(axis=0).tolist() == pytest.approx([72, 595 - 83], abs=10)


def test_a_page_with_too_many_pixels_is_drawn_smaller_and_says_so() -> None:
    one = Pdfium(PdfLimits(pixels=100_000))

    async def scene() -> tuple[int, int]:
        async with one.opened(pdf(text())) as file:
            page = await file.page(1, 150)
            return page.dpi or 0, page.pixels.shape[0] * page.pixels.shape[1]

    dpi, pixels = asyncio.run(scene())
    one.close()

    assert (dpi, 90_000 < pixels < 101_000) == (32, True)


@pytest.mark.parametrize(
    ("limits", "error"),
    [(PdfLimits(seconds=2.0), PageTooSlow), (PdfLimits(memory=2**29), PageBroken)],
)
def test_a_page_without_end_costs_nothing_but_itself(limits: PdfLimits, error: type[Exception]) -> None:
    one = Pdfium(limits)

    async def scene() -> list[int]:
        async with one.opened(endless()) as bad, one.opened(pdf(text(), text())) as good:
            before = len((await good.page(1, 72)).pixels)
            with pytest.raises(error, match="page 1"):
                await bad.page(1, 72)
            return [before, len((await good.page(2, 72)).pixels), bad.page_count]

    found = asyncio.run(scene())
    one.close()

    assert found == [842, 842, 1]


def test_a_page_outlives_several_others_that_end_the_process() -> None:
    one = Pdfium(PdfLimits(memory=2**29))

    async def scene() -> list[int | BaseException]:
        bad = [endless(), endless(), endless()]
        async with AsyncExitStack() as stack:
            files = [await stack.enter_async_context(one.opened(data)) for data in [*bad, pdf(text())]]
            pages = await asyncio.gather(*(file.page(1, 72) for file in files), return_exceptions=True)
            return [page if isinstance(page, BaseException) else len(page.pixels) for page in pages]

    found = asyncio.run(scene())
    one.close()

    assert [one if isinstance(one, int) else type(one) for one in found] == [PageBroken, PageBroken, PageBroken, 842]


def test_a_file_over_the_limit_is_not_opened() -> None:
    one = Pdfium(PdfLimits(bytes=100))

    async def scene() -> None:
        async with one.opened(bytes(101)):
            raise AssertionError

    with pytest.raises(TooManyBytes):
        asyncio.run(scene())
    one.close()


@pytest.mark.parametrize(("password", "words"), [(None, "give its password"), ("wrong", "this password does not open")])
def test_a_locked_file_needs_its_password(look: Look, password: str | None, words: str) -> None:
    with pytest.raises(DocumentLocked, match=words):
        look(locked("secret"), count, password)


def test_a_locked_file_opens_with_its_password(look: Look) -> None:
    assert look(locked("secret"), count, "secret") == 1


@pytest.mark.parametrize("data", [b"%PDF-", b"%PDF-1.7\nnothing else", pdf(text())[:300]])
def test_a_broken_file_is_corrupt(look: Look, data: bytes) -> None:
    with pytest.raises(DocumentCorrupt):
        look(data, count)


def test_a_broken_page_fails_alone(look: Look) -> None:
    async def all_three(file: Pdf) -> tuple[int, int]:
        with pytest.raises(PageBroken, match="page 2 cannot be read"):
            await file.page(2, 72)
        return (await file.page(1, 72)).number, (await file.page(3, 72)).number

    assert look(with_broken_page(2, 3), all_three) == (1, 3)


def test_the_size_of_a_broken_page_is_one_pixel(look: Look) -> None:
    assert look(with_broken_page(1, 2), lambda file: file.size(1, 150)) == (1, 1)


def test_many_documents_at_once_do_not_meet_in_the_library(pdfium: Pdfium) -> None:
    other = Pdfium()

    async def shape(library: Pdfium, dpi: int) -> tuple[int, int]:
        async with library.opened(pdf(text(), text())) as file:
            return len((await file.page(1, dpi)).pixels), len((await file.page(2, dpi)).glyphs.codes)  # type: ignore[union-attr]

    async def scene() -> list[tuple[int, int]]:
        return await asyncio.gather(*(shape(library, 72) for library in (pdfium, other) * 8))

    found = asyncio.run(scene())
    other.close()

    assert len(set(found)) == 1


def test_a_cancelled_reader_leaves_the_library_usable(pdfium: Pdfium) -> None:
    async def forever() -> None:
        async with pdfium.opened(pdf(text())) as file:
            while True:
                await file.page(1, 72)

    async def scene() -> int:
        task = asyncio.create_task(forever())
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait({task})
        async with pdfium.opened(pdf(text())) as file:
            return file.page_count

    assert asyncio.run(scene()) == 1
