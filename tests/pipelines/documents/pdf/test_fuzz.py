"""Any damage to any PDF gives pages or a typed error, within the limit of time, and costs no other document.

`make fuzz` runs these tests with as many examples as FUZZ_EXAMPLES says, others in each run.
"""

import asyncio
import os
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.documents.pdf.client import PdfDocument, PdfiumClient, PdfLimits, RenderedPage
from pipelines.documents.pdf.text_layer import read_text_layer, read_trusted_text_layer
from pipelines.documents.pdf.unread_pictures import find_unread_pictures
from pipelines.errors import ImageRejected
from tests.pipelines.documents.pdf.pdf_parts import PdfTable, divide_pdf
from tests.pipelines.documents.pdf.varied_pdfs import make_varied_pdfs
from tests.pipelines.image.part_damage import PART_EDITS, PartEdit, damage

PDFS = make_varied_pdfs()
TABLES: tuple[PdfTable, ...] = ("classic", "stream")
DIVIDED = {table: [divide_pdf(data, table) for data in PDFS.values()] for table in TABLES}
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "1200")) // 8
IS_FUZZING = "FUZZ_EXAMPLES" in os.environ
LIMITS = PdfLimits(pixels=100_000, seconds=5.0)
HUNG_SECONDS = 60.0
DPI, READ_PAGES = 50, 3


@pytest.fixture(scope="module")
def pdfium() -> Iterator[PdfiumClient]:
    client = PdfiumClient(LIMITS)
    yield client
    client.close()


async def read_pages(pdfium: PdfiumClient, data: bytes) -> list[RenderedPage] | ImageRejected:
    """The first pages with their text, or the error of the file or of one of them."""
    try:
        async with asyncio.timeout(HUNG_SECONDS), pdfium.open_document(data) as pdf:
            return [await read_page(pdf, number) for number in range(1, 1 + min(pdf.page_count, READ_PAGES))]
    except ImageRejected as error:
        return error


async def read_page(pdf: PdfDocument, number: int) -> RenderedPage:
    page = await pdf.render_page(number, DPI)
    assert page.characters is not None
    read_text_layer(page.pixels, page.characters, include_hidden=True)
    trusted = read_trusted_text_layer(page.pixels, page.characters)
    if trusted is not None:
        find_unread_pictures(page.pixels, page.characters, DPI)
        await pdf.render_without_text(number, DPI)
    return page


def is_sound(outcome: list[RenderedPage] | ImageRejected) -> bool:
    """Whether an error has a message, or pages are pictures within the limit."""
    if isinstance(outcome, ImageRejected):
        return bool(str(outcome))
    return all(page.pixels.shape[2] == 3 and page.pixels[..., 0].size <= LIMITS.pixels for page in outcome)


@pytest.mark.parametrize("table", TABLES)
def test_damaged_parts_give_pages_or_blame_the_file(table: PdfTable, pdfium: PdfiumClient) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=not IS_FUZZING, database=None)
    @given(file=st.integers(0, len(PDFS) - 1), edits=PART_EDITS)
    def check(file: int, edits: list[PartEdit]) -> None:
        data = damage(DIVIDED[table][file], edits)

        assert is_sound(asyncio.run(read_pages(pdfium, data)))

    check()

    assert isinstance(asyncio.run(read_pages(pdfium, PDFS["text"])), list)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", PDFS)
def test_files_put_together_unchanged_are_read(name: str, table: PdfTable, pdfium: PdfiumClient) -> None:
    data = damage(divide_pdf(PDFS[name], table), [])

    whole = asyncio.run(read_pages(pdfium, PDFS[name]))
    found = asyncio.run(read_pages(pdfium, data))

    assert isinstance(whole, list)
    assert isinstance(found, list)
    assert [page.pixels.tobytes() for page in found] == [page.pixels.tobytes() for page in whole]
