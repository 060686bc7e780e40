"""Documents are spread over PDFium's processes, and each stays in one."""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from pipelines.documents.errors import DocumentCorrupt
from pipelines.documents.pdf.client_pool import PdfiumPool
from tests.pipelines.documents.sample_pdfs import draw_text, make_pdf

PDF = make_pdf(draw_text())


def count_processes() -> int:
    """PDFium's processes that this one has started."""
    listed = [file.read_text().split() for file in Path("/proc/self/task").glob("*/children")]
    commands = [Path(f"/proc/{process}/cmdline") for processes in listed for process in processes]
    return sum(b"pdfium_process" in command.read_bytes() for command in commands)


def open_at_once(documents: int, processes: int) -> int:
    """How many processes `documents` open at once take."""
    before, pool = count_processes(), PdfiumPool(processes=processes)

    async def scene() -> int:
        async with AsyncExitStack() as stack:
            for _ in range(documents):
                pdf = await stack.enter_async_context(pool.open_document(PDF))
                await pdf.render_page(1, 72)
            return count_processes() - before

    try:
        return asyncio.run(scene())
    finally:
        pool.close()


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
@pytest.mark.parametrize(("documents", "processes"), [(1, 1), (2, 2), (3, 2)])
def test_documents_open_at_once_are_spread_over_the_processes(documents: int, processes: int) -> None:
    assert open_at_once(documents, 2) == processes


def test_a_document_that_cannot_be_opened_leaves_no_trace() -> None:
    pool = PdfiumPool(processes=1)

    async def scene() -> int:
        with pytest.raises(DocumentCorrupt):
            async with pool.open_document(b"%PDF-1.7"):
                raise AssertionError("it is damaged")
        async with pool.open_document(PDF) as pdf:
            return pdf.page_count

    try:
        assert asyncio.run(scene()) == 1
    finally:
        pool.close()
