"""PDFium, a pool, and an engine with the documents pipeline on fakes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest

from pipelines.cpu_pool import CpuPool
from pipelines.documents.options import DocumentsOptions
from pipelines.documents.pdf.client import Pdf, Pdfium
from pipelines.documents.pipeline import DocumentLimits
from pipelines.documents.types import Document
from pipelines.engine import Engine
from pipelines.image.decode import Limits
from tests.pipelines.documents.stages import FakeLayout, FakeReader, documents

T = TypeVar("T")
Look = Callable[..., Any]
Read = Callable[..., Document]


@pytest.fixture(scope="session")
def pdfium() -> Iterator[Pdfium]:
    one = Pdfium()
    yield one
    one.close()


@pytest.fixture
def look(pdfium: Pdfium) -> Look:
    """Open a PDF and give it to a coroutine function."""

    def through(data: bytes, work: Callable[[Pdf], Awaitable[T]], password: str | None = None) -> T:
        async def scene() -> T:
            async with pdfium.opened(data, password) as pdf:
                return await work(pdf)

        return asyncio.run(scene())

    return through


@pytest.fixture
def read(pdfium: Pdfium) -> Iterator[Read]:
    """Send a file through an engine whose documents pipeline has the given stages; other names are options."""
    pool = CpuPool(threads=2)

    def through(
        data: bytes,
        *,
        reader: FakeReader | None = None,
        layout: FakeLayout | None = None,
        limits: DocumentLimits | None = None,
        report: Callable[..., None] | None = None,
        **options: Any,
    ) -> Document:
        pipeline = documents(pdfium, pool, reader=reader, layout=layout, limits=limits)
        engine = Engine([pipeline], pool=pool, limits=Limits(), pdfium=pdfium)
        findings = asyncio.run(engine.run(data, {"document": DocumentsOptions(**options)}, report=report))
        assert findings.document is not None
        return findings.document

    yield through
    pool.close()
