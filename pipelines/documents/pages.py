"""The pages of a PDF, TIFF or other image, one at a time."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from math import ceil
from typing import Protocol

from PIL import Image, TiffImagePlugin

from pipelines.cpu_pool import CpuPool
from pipelines.documents.pdf.client import PdfDocument, RenderedPage
from pipelines.documents.stages import Pixels
from pipelines.documents.types import DocumentWarning
from pipelines.image.backdrop import VisibleRendering
from pipelines.image.decode import ImageLimits, Picture
from pipelines.image.decode_cost import PICTURE_BYTES, estimate_decode_bytes
from pipelines.image.decoders import Decoders
from pipelines.image.formats import sniff
from pipelines.image.pixel_aspect import read_pixel_aspect

DEFAULT_DPI = 150  # of PDF pages


class PdfOpener(Protocol):
    """One or several of PDFium's processes."""

    def open_document(self, data: bytes, password: str | None = None) -> AbstractAsyncContextManager[PdfDocument]:
        """Raises TooManyBytes, DocumentLocked or DocumentCorrupt."""


class PageSource(Protocol):
    """The pages of one file, numbered from 1."""

    @property
    def page_count(self) -> int: ...

    @property
    def attachments(self) -> tuple[str, ...]:
        """The names of files inside the file."""

    @property
    def warnings(self) -> tuple[DocumentWarning, ...]: ...

    async def render_page(self, number: int) -> RenderedPage:
        """Raises an ImageRejected that concerns this page alone."""

    async def render_without_text(self, number: int, scale: int) -> Pixels:
        """The page without the text of its text layer, `scale` times as large as `render_page` makes it, or as large
        as the limit of pixels allows. Raises as `render_page`."""

    async def read_picture(self, number: int, shorter_side: int | None) -> Picture:
        """The page for pipelines that take pictures; `shorter_side` as in `Pipeline`. Raises as `render_page`."""

    async def page_bytes(self, number: int) -> int:
        """Memory that the page's pixels take beyond those of the first picture, in bytes."""

    async def page_size(self, number: int) -> tuple[int, int]:
        """Width and height of a page that cannot be rendered, as far as they are known."""


@asynccontextmanager
async def open_page_source(
    first: Picture,
    *,
    dpi: int,
    password: str | None,
    pdfium: PdfOpener,
    decoders: Decoders,
    limits: ImageLimits,
    pool: CpuPool,
) -> AsyncIterator[PageSource]:
    """The pages of the file whose first page is `first`. Raises DocumentLocked or DocumentCorrupt."""
    if first.format == "PDF":
        async with pdfium.open_document(first.data, password) as pdf:
            yield PdfPages(pdf, dpi, first)
    else:
        yield ImageFrames(first, decoders, limits, VisibleRendering(pool))


@dataclass(frozen=True, slots=True)
class PdfPages:
    pdf: PdfDocument
    dpi: int
    first: Picture

    @property
    def page_count(self) -> int:
        return self.pdf.page_count

    @property
    def attachments(self) -> tuple[str, ...]:
        return self.pdf.attachments

    @property
    def warnings(self) -> tuple[DocumentWarning, ...]:
        found: dict[DocumentWarning, bool] = {"xfa-form": self.pdf.is_xfa, "portfolio": self.pdf.is_portfolio}
        return tuple(name for name, is_so in found.items() if is_so)

    async def render_page(self, number: int) -> RenderedPage:
        return await self.pdf.render_page(number, self.dpi)

    async def render_without_text(self, number: int, scale: int) -> Pixels:
        return await self.pdf.render_without_text(number, scale * self.dpi)

    async def read_picture(self, number: int, shorter_side: int | None) -> Picture:
        width, height = await self.page_size(number)
        scale = 1.0 if shorter_side is None else min(1.0, shorter_side / min(width, height))
        page = await self.pdf.render_page(number, ceil(self.dpi * scale))
        pixels = Image.fromarray(page.pixels)
        return replace(self.first, pixels=pixels, width=width, height=height, text_layer=page.text_layer)

    async def page_bytes(self, number: int) -> int:
        return await _page_bytes(self.pdf, number, self.dpi)

    async def page_size(self, number: int) -> tuple[int, int]:
        return await self.pdf.page_size(number, self.dpi)


@dataclass(frozen=True, slots=True)
class ImageFrames:
    """The frames of a TIFF as pages. Every other image is one page, an animation its first frame."""

    first: Picture
    decoders: Decoders
    limits: ImageLimits
    visible: VisibleRendering
    attachments: tuple[str, ...] = ()
    warnings: tuple[DocumentWarning, ...] = ()

    @property
    def page_count(self) -> int:
        return self.first.frames if self.first.format == "TIFF" else 1

    async def render_page(self, number: int) -> RenderedPage:
        page = self.first if number == 1 else await self.read_picture(number, None)
        aspect = await asyncio.to_thread(read_pixel_aspect, page, number - 1)
        return RenderedPage(number, await self.visible.render(page), aspect=aspect)

    async def render_without_text(self, number: int, scale: int) -> Pixels:
        return (await self.render_page(number)).pixels

    async def read_picture(self, number: int, shorter_side: int | None) -> Picture:
        data, limits = self.first.data, self.limits
        return await self.decoders.decode(data, limits=limits, shorter_side=shorter_side, frame=number - 1)

    async def page_bytes(self, number: int) -> int:
        if number == 1:
            return 0
        return await asyncio.to_thread(estimate_decode_bytes, self.first.data, limits=self.limits, frame=number - 1)

    async def page_size(self, number: int) -> tuple[int, int]:
        return self.first.width, self.first.height


def has_pages(data: bytes) -> bool:
    """Whether a file is a document: a PDF, or a TIFF of several pages. Only headers are read."""
    format = sniff(data)
    if format != "TIFF":
        return format == "PDF"
    try:
        with TiffImagePlugin.TiffImageFile(io.BytesIO(data)) as image:  # for the header, which is read in Python alone
            image.seek(1)
    except Exception:  # EOFError after one page; a damaged file raises anything, and is for the decoder to refuse
        return False
    return True


async def estimate_first_page_bytes(data: bytes, pdfium: PdfOpener, *, password: str | None) -> int:
    """Memory that a PDF's first page takes as a picture, in bytes. Raises as `read_first_page`."""
    async with pdfium.open_document(data, password) as pdf:
        return await _page_bytes(pdf, 1, DEFAULT_DPI)


async def _page_bytes(pdf: PdfDocument, number: int, dpi: int) -> int:
    width, height = await pdf.page_size(number, dpi)
    return width * height * PICTURE_BYTES


async def read_first_page(data: bytes, pdfium: PdfOpener, *, password: str | None, render: bool) -> Picture:
    """The first page of a PDF as a picture; without `render` its pixels are a single white one.

    Raises TooManyBytes, DocumentLocked, DocumentCorrupt, PageBroken or PageTooSlow.
    """
    async with pdfium.open_document(data, password) as pdf:
        width, height = await pdf.page_size(1, DEFAULT_DPI)
        page = await pdf.render_page(1, DEFAULT_DPI) if render else None
        pixels = Image.new("RGB", (1, 1), "white") if page is None else Image.fromarray(page.pixels)
        return Picture(
            width, height, "PDF", "RGB", orientation=1, frames=pdf.page_count, has_alpha=False, profile="none",
            pixels=pixels, see_through=None, data=data, sha256=hashlib.sha256(data).hexdigest(),
            text_layer=None if page is None else page.text_layer,
        )  # fmt: skip
