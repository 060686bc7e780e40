"""The documents pipeline: pages side by side, each from its pixels to regions in reading order.

file ─► page ─► text layer, or Reader ─► Layout ─► arrange ─► back to the page as it came in ─► Page
"""

import asyncio
import io
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from models.concurrency import ordered_map
from models.errors import DeadlineExceeded, KernelSightError, Overloaded
from pipelines.cpu_pool import CpuPool
from pipelines.documents.coordinates import Back
from pipelines.documents.errors import PageTooSlow
from pipelines.documents.options import DocumentsOptions, chosen_pages
from pipelines.documents.outputs.prompt import brief_of
from pipelines.documents.pages import Sheets, opened_sheets
from pipelines.documents.pdf.client import DrawnPage, Pdfium
from pipelines.documents.pdf.text_layer import read_layer, trusted_layer, unread_images
from pipelines.documents.stages import Block, Layout, PageText, Pixels, Reader
from pipelines.documents.types import Document, Page, Pair, Region, Source, Table
from pipelines.image.decode import Limits, Picture
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

Arranged = tuple[list[Region], list[Table], list[Pair]]
Arrange = Callable[[PageText, list[Block]], Arranged]

JPEG_QUALITY = 85


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """`at_once`: pages of one document in memory; one of 25 million pixels takes 75 MB, for a while twice that."""

    image: Limits = field(default_factory=Limits)
    pages: int = 200
    at_once: int = 4
    page_seconds: float = 60.0


@dataclass(frozen=True)
class DocumentsPipeline:
    """`arrange` gives regions in reading order, tables and pairs, in the pixels of the PageText that it gets."""

    reader: Reader
    layout: Layout
    arrange: Arrange
    pdfium: Pdfium
    pool: CpuPool
    limits: DocumentLimits
    used: tuple[ModelUsed, ...]
    name: str = "document"

    def models(self, options: DocumentsOptions) -> list[ModelUsed]:
        return list(self.used)

    def shorter_side(self, options: DocumentsOptions) -> None:
        """All pixels there are: small print is small."""

    def password(self, options: DocumentsOptions) -> str | None:
        return options.password.get_secret_value() if options.password else None

    def pages(self, options: DocumentsOptions, count: int) -> list[int]:
        return chosen_pages(options.pages, count, limit=self.limits.pages)

    async def run(self, picture: Picture, options: DocumentsOptions, context: RunContext) -> Document:
        """Raises RequestRejected, DocumentLocked, DocumentCorrupt, TooManyPages, Overloaded or DeadlineExceeded;
        whatever else goes wrong on a page is that page's `error`.
        """
        found: list[Page] = []
        opened = opened_sheets(
            picture,
            dpi=options.dpi,
            password=self.password(options),
            pdfium=self.pdfium,
            pool=self.pool,
            limits=self.limits.image,
        )
        async with opened as sheets:
            numbers = self.pages(options, sheets.count)
            pages = ordered_map(
                numbers, lambda number: self._page(sheets, number, options, context), self.limits.at_once
            )
            async with aclosing(pages):
                async for page in pages:
                    context.report(page, len(numbers))
                    found.append(page)
            return Document(page_count=sheets.count, pages=found)

    def brief(self, result: Document) -> str:
        return brief_of(result)

    async def _page(self, sheets: Sheets, number: int, options: DocumentsOptions, context: RunContext) -> Page:
        try:
            async with asyncio.timeout(self.limits.page_seconds):
                with context.stage("draw"):
                    drawn = await sheets.page(number)
                return await self._read(drawn, options, context)
        except (Overloaded, DeadlineExceeded):
            raise
        except TimeoutError:
            error = str(PageTooSlow(number, self.limits.page_seconds))
        except KernelSightError as cause:
            error = str(cause)
        width, height = await sheets.size(number)
        return Page(number=number, width=width, height=height, regions=[], error=error)

    async def _read(self, drawn: DrawnPage, options: DocumentsOptions, context: RunContext) -> Page:
        text, source = await self._text(drawn, options, context)
        with context.stage("layout"):
            blocks = await self.layout.find(text.pixels, context)
        with context.stage("arrange"):
            return await self.pool.run(self._arranged, drawn, text, source, blocks, options)

    async def _text(self, drawn: DrawnPage, options: DocumentsOptions, context: RunContext) -> tuple[PageText, Source]:
        if drawn.glyphs is not None and options.ocr != "force":
            with context.stage("text_layer"):
                if options.ocr == "never":
                    return await self.pool.run(read_layer, drawn.pixels, drawn.glyphs, hidden=True), "text_layer"
                layer = await self.pool.run(trusted_layer, drawn.pixels, drawn.glyphs)
            if layer is not None:
                images = unread_images(layer, drawn.glyphs)
                return (await self._with_images(layer, images, context) if len(images) else layer), "text_layer"
        if options.ocr == "never":
            return PageText(drawn.pixels, ()), "ocr"
        with context.stage("ocr"):
            return await self.reader.read(drawn.pixels, context), "ocr"

    async def _with_images(self, layer: PageText, images: np.ndarray, context: RunContext) -> PageText:
        """The text layer, and what can be read in images that it has nothing about."""
        with context.stage("ocr"):
            only = await self.pool.run(_only, layer.pixels, images)
            seen = await self.reader.read(only, context)
        back = Back.of(seen, only.shape[1], only.shape[0])
        more = tuple(back.text_line(line) for line in seen.lines)
        return PageText(layer.pixels, layer.lines + more, layer.rotation, layer.skew)

    def _arranged(
        self, drawn: DrawnPage, text: PageText, source: Source, blocks: list[Block], options: DocumentsOptions
    ) -> Page:
        height, width = drawn.pixels.shape[:2]
        regions, tables, pairs = self.arrange(text, blocks)
        back = Back.of(text, width, height)
        return Page(
            number=drawn.number,
            width=width,
            height=height,
            dpi=drawn.dpi,
            rotation=text.rotation,
            skew=text.skew,
            source=source,
            regions=[back.region(region) for region in regions],
            tables=[back.table(table) for table in tables] if options.tables else [],
            pairs=[back.pair(pair) for pair in pairs] if options.pairs else [],
            picture=_jpeg(drawn.pixels) if options.pictures else None,
        )


def _only(pixels: Pixels, boxes: np.ndarray) -> Pixels:
    """The page with nothing but what is in the boxes."""
    white = np.full_like(pixels, 255)
    for x0, y0, x1, y1 in boxes.round().astype(int).tolist():
        white[y0:y1, x0:x1] = pixels[y0:y1, x0:x1]
    return white


def _jpeg(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()
