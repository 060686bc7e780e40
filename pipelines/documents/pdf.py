"""PDFs by PDFium: opened, drawn and read under limits, a page at a time.

PDFium must not be called by two threads at once, whatever documents they work on, and its objects must not be
freed by a third. So one thread makes every call. A lock around calls from the pool of threads would do for
PDFium, but not for the others: pages that take long would have one thread of the pool after the other wait for it.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any, TypeVar

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium

from pipelines.documents.errors import DocumentCorrupt, DocumentLocked, PageBroken, PageTooSlow
from pipelines.documents.glyphs import Glyphs, Places, read_glyphs
from pipelines.documents.parts import Pixels
from pipelines.errors import TooManyBytes

T = TypeVar("T")

POINTS_PER_INCH = 72
_ONE_AT_A_TIME = threading.Lock()  # for a process with several `Pdfium`: what must not be shared is the library


@dataclass(frozen=True, slots=True)
class PdfLimits:
    """Of a file its `bytes`; a page that would have more `pixels` is drawn smaller, and not longer than `seconds`."""

    bytes: int = 64 * 2**20
    pixels: int = 25_000_000
    seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class DrawnPage:
    """A page as people see it and, of a PDF, the text that it says it has, in the same pixels."""

    number: int
    pixels: Pixels = field(repr=False)
    dpi: int | None = None
    glyphs: Glyphs | None = field(default=None, repr=False)


class Pdfium:
    """PDFium and the thread that calls it."""

    def __init__(self, limits: PdfLimits | None = None) -> None:
        self._limits = limits or PdfLimits()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pdfium")

    @asynccontextmanager
    async def opened(self, data: bytes, password: str | None = None) -> AsyncIterator["Pdf"]:
        """Raises TooManyBytes, DocumentLocked or DocumentCorrupt."""
        if len(data) > self._limits.bytes:
            raise TooManyBytes(len(data), self._limits.bytes)
        pdf = Pdf(data, password, self._limits, self._run)
        try:
            await self._run(pdf.open)
            yield pdf
        finally:
            # Behind whatever of this document is still being done, and not waited for: this may be a cancellation.
            self._thread.submit(_alone, pdf.close)

    async def _run(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, _alone, partial(function, *arguments))

    def close(self) -> None:
        self._thread.shutdown(wait=True)


def _alone(work: Callable[[], T]) -> T:
    with _ONE_AT_A_TIME:
        return work()


class Pdf:
    """An open document; `open` and `close` are for `Pdfium`'s thread only."""

    def __init__(self, data: bytes, password: str | None, limits: PdfLimits, run: Callable[..., Any]) -> None:
        self._data, self._password, self._limits, self._run = data, password, limits, run
        self._document: Any = None
        self.page_count = 0

    def open(self) -> None:
        try:
            self._document = pypdfium2.PdfDocument(self._data, self._password)
        except pypdfium2.PdfiumError as cause:
            if cause.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
                wrong = "this password does not open it" if self._password else "give its password"
                raise DocumentLocked(f"this PDF is locked: {wrong}") from cause
            raise DocumentCorrupt(f"this PDF cannot be opened: {cause}") from cause
        self.page_count = len(self._document)
        if not self.page_count:
            raise DocumentCorrupt("this PDF has no pages")

    def close(self) -> None:
        if self._document is not None:
            self._document.close()

    async def size(self, number: int, dpi: int) -> tuple[int, int]:
        """Width and height of a page in pixels; a page that cannot be read has one pixel."""
        found: tuple[int, int] = await self._run(self._size, number, dpi)
        return found

    async def page(self, number: int, dpi: int) -> DrawnPage:
        """Raises PageBroken or PageTooSlow."""
        found: DrawnPage = await self._run(self._page, number, dpi)
        return found

    def _size(self, number: int, dpi: int) -> tuple[int, int]:
        size = pdfium.FS_SIZEF()
        pdfium.FPDF_GetPageSizeByIndexF(self._document, number - 1, size)
        return _pixels(size.width, size.height, self._fitting(size.width, size.height, dpi))

    def _page(self, number: int, dpi: int) -> DrawnPage:
        try:
            page = self._loaded(number)
        except pypdfium2.PdfiumError as cause:
            raise PageBroken(number) from cause
        try:
            width, height = page.get_size()
            fitting = self._fitting(width, height, dpi)
            pixels = _draw(page, _pixels(width, height, fitting), monotonic() + self._limits.seconds)
            if pixels is None:
                raise PageTooSlow(number, self._limits.seconds)
            places = Places(page.get_bbox(), page.get_rotation(), fitting / POINTS_PER_INCH)
            return DrawnPage(number, pixels, fitting, read_glyphs(page, places))
        except pypdfium2.PdfiumError as cause:
            raise PageBroken(number) from cause
        finally:
            page.close()

    def _loaded(self, number: int) -> Any:
        """The page with its form fields and annotations made part of its content: people read those, too."""
        page = self._document[number - 1]
        if pdfium.FPDFPage_GetAnnotCount(page) == 0:
            return page
        pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY)
        page.close()
        return self._document[number - 1]

    def _fitting(self, width: float, height: float, dpi: int) -> int:
        """`dpi`, or what keeps a page of this size, in points, within the limit."""
        pixels = width * height * (dpi / POINTS_PER_INCH) ** 2
        return dpi if pixels <= self._limits.pixels else max(1, int(dpi * (self._limits.pixels / pixels) ** 0.5))


def _pixels(width: float, height: float, dpi: int) -> tuple[int, int]:
    return max(1, round(width * dpi / POINTS_PER_INCH)), max(1, round(height * dpi / POINTS_PER_INCH))


def _draw(page: Any, size: tuple[int, int], deadline: float) -> Pixels | None:
    """RGB on white; None when `deadline` (`time.monotonic`) came first: PDFium asks between a page's objects."""
    width, height = size
    pixels = np.full((height, width, 3), 255, np.uint8)
    pause = pdfium.IFSDK_PAUSE(version=1, NeedToPauseNow=_PAUSE(lambda _: monotonic() > deadline))
    bitmap = pdfium.FPDFBitmap_CreateEx(width, height, pdfium.FPDFBitmap_BGR, pixels.ctypes.data, 3 * width)
    flags = pdfium.FPDF_ANNOT | pdfium.FPDF_REVERSE_BYTE_ORDER
    try:
        status = pdfium.FPDF_RenderPageBitmap_Start(bitmap, page, 0, 0, width, height, 0, flags, pause)
    finally:
        pdfium.FPDF_RenderPage_Close(page)
        pdfium.FPDFBitmap_Destroy(bitmap)
    if status == pdfium.FPDF_RENDER_FAILED:
        raise pypdfium2.PdfiumError("the page cannot be drawn")
    return pixels if status == pdfium.FPDF_RENDER_DONE else None


_PAUSE = dict(pdfium.IFSDK_PAUSE._fields_)["NeedToPauseNow"]
