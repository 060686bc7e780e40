"""PDFium, and an engine whose documents pipeline has fake stages."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest

from pipelines.cpu_pool import CpuPool
from pipelines.documents.options import DocumentsOptions
from pipelines.documents.pdf.client import PdfDocument, PdfiumClient
from pipelines.documents.pipeline import DocumentLimits, PageArranger
from pipelines.documents.spec import DOCUMENT
from pipelines.documents.types import Document
from pipelines.engine import Engine
from pipelines.image.decode import ImageLimits
from tests.pipelines.documents.fake_stages import (
    FakeLayout,
    FakeReader,
    arrange_one_region_per_line,
    make_documents_pipeline,
)

T = TypeVar("T")
UsePdf = Callable[..., Any]
ReadDocument = Callable[..., Document]


@pytest.fixture(scope="session")
def pdfium() -> Iterator[PdfiumClient]:
    client = PdfiumClient()
    yield client
    client.close()


@pytest.fixture
def use_pdf(pdfium: PdfiumClient) -> UsePdf:
    """Open a PDF and call a coroutine function with it."""

    def run(data: bytes, work: Callable[[PdfDocument], Awaitable[T]], password: str | None = None) -> T:
        async def scene() -> T:
            async with pdfium.open_document(data, password) as pdf:
                return await work(pdf)

        return asyncio.run(scene())

    return run


@pytest.fixture
def read(pdfium: PdfiumClient) -> Iterator[ReadDocument]:
    """Read a file with an engine whose documents pipeline has the given stages; other arguments are options."""
    pool = CpuPool(threads=2)

    def run(
        data: bytes,
        *,
        reader: FakeReader | None = None,
        layout: FakeLayout | None = None,
        limits: DocumentLimits | None = None,
        arrange: PageArranger = arrange_one_region_per_line,
        on_page: Callable[..., None] | None = None,
        **options: Any,
    ) -> Document:
        pipeline = make_documents_pipeline(pdfium, pool, reader=reader, layout=layout, limits=limits, arrange=arrange)
        engine = Engine([pipeline], pool=pool, limits=ImageLimits(), pdfium=pdfium)
        findings = asyncio.run(engine.run(data, {"document": DocumentsOptions(**options)}, on_page=on_page))
        return findings.of(DOCUMENT)

    yield run
    pool.close()
