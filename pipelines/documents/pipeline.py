"""The documents pipeline: reads pages concurrently, each from its pixels to regions in reading order.

PageSource ─► page ─► text layer or PageReader ─► LayoutModel ─► arrange ─► CoordinateMapper ─► Page
"""

import asyncio
import io
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image

from models.concurrency import ordered_map
from models.errors import DeadlineExceeded, KernelSightError, Overloaded
from pipelines.cpu_pool import CpuPool
from pipelines.documents.coordinates import CoordinateMapper, PageTransform
from pipelines.documents.dark_pages import lighten_dark_page
from pipelines.documents.errors import PageTooSlow
from pipelines.documents.flattening_reader import FlatteningReader
from pipelines.documents.forms.notes import list_notes, quote_notes
from pipelines.documents.forms.placement import PlacedForm, frame_rows, merge_pairs, place_form
from pipelines.documents.merged_reading import FINE_SCALE, is_small_print, merge_readings, shrink_reading
from pipelines.documents.options import DocumentsOptions
from pipelines.documents.outputs.prompt import describe_document
from pipelines.documents.page_ranges import select_pages
from pipelines.documents.pages import DEFAULT_DPI, PageSource, PdfOpener, open_page_source
from pipelines.documents.pdf.client import RenderedPage
from pipelines.documents.pdf.garbled_words import find_garbled_boxes, replace_garbled
from pipelines.documents.pdf.page_characters import Floats
from pipelines.documents.pdf.text_layer import read_text_layer, read_trusted_text_layer
from pipelines.documents.pdf.unread_pictures import find_unread_pictures
from pipelines.documents.region_names import name_regions
from pipelines.documents.stages import LayoutBlock, LayoutModel, PageReader, PageText, Pixels
from pipelines.documents.tables.continuation import link_tables
from pipelines.documents.types import Document, KeyValuePair, Page, Region, Table, TextSource
from pipelines.image.decode import ImageLimits, Picture
from pipelines.image.decoders import Decoders
from pipelines.instructions.quoted_text import find_in_regions
from pipelines.prompt import PromptContext
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

ArrangedPage = tuple[list[Region], list[Table], list[KeyValuePair]]
PageArranger = Callable[[PageText, list[LayoutBlock]], ArrangedPage]

JPEG_QUALITY = 85


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """`max_concurrent_pages` of a document are in memory; one of 25 million pixels takes 75 MB, for a while 150."""

    image: ImageLimits = field(default_factory=ImageLimits)
    pages: int = 200
    max_concurrent_pages: int = 4
    page_seconds: float = 60.0


@dataclass(frozen=True)
class DocumentsPipeline:
    """`arrange` returns regions in reading order, tables and pairs, in the pixels of its PageText."""

    reader: PageReader
    layout: LayoutModel
    arrange: PageArranger
    pdfium: PdfOpener
    decoders: Decoders
    pool: CpuPool
    limits: DocumentLimits
    used: tuple[ModelUsed, ...]
    name: str = "document"

    def models(self, options: DocumentsOptions) -> list[ModelUsed]:
        return list(self.used)

    def shorter_side(self, options: DocumentsOptions) -> None:
        """Full resolution, for the sake of small print."""

    def password(self, options: DocumentsOptions) -> str | None:
        return options.password.get_secret_value() if options.password else None

    def pages(self, options: DocumentsOptions, count: int) -> list[int]:
        return select_pages(options.pages, count, limit=self.limits.pages)

    async def run(self, picture: Picture, options: DocumentsOptions, context: RunContext) -> Document:
        """Raises RequestRejected, DocumentLocked, DocumentCorrupt, TooManyPages, Overloaded or DeadlineExceeded.

        Any other failure of a page becomes that page's `error`.
        """
        done: list[Page] = []
        opening = open_page_source(
            picture,
            dpi=options.dpi,
            password=self.password(options),
            pdfium=self.pdfium,
            decoders=self.decoders,
            limits=self.limits.image,
            pool=self.pool,
        )
        async with opening as source:
            numbers = self.pages(options, source.page_count)
            pages = ordered_map(
                numbers,
                lambda number: self._process_in_turn(source, number, options, context, is_first=number == numbers[0]),
                self.limits.max_concurrent_pages,
            )
            async with aclosing(pages):
                async for page in pages:
                    done.append(link_tables(done, page))
                    context.on_part(done[-1], len(numbers))
            return Document(
                page_count=source.page_count,
                warnings=list(source.warnings),
                attachments=list(source.attachments),
                pages=done,
            )

    def describe(self, result: Document, context: PromptContext) -> str:
        return describe_document(result)

    async def _process_in_turn(
        self, source: PageSource, number: int, options: DocumentsOptions, context: RunContext, *, is_first: bool
    ) -> Page:
        """The first page at the request's own priority; the others give way to other callers and documents."""
        cost = await source.page_bytes(number)
        if is_first:
            try:
                async with context.admitted.charge_further(cost):
                    return await self._process_page(source, number, options, context)
            finally:
                context.admitted.give_way()
        async with context.admitted.admit_page(cost):
            return await self._process_page(source, number, options, replace(context, priority="batch"))

    async def _process_page(
        self, source: PageSource, number: int, options: DocumentsOptions, context: RunContext
    ) -> Page:
        try:
            async with asyncio.timeout(self.limits.page_seconds):
                with context.stage("draw"):
                    rendered = await source.render_page(number)
                return await self._read_page(source, rendered, options, context)
        except (Overloaded, DeadlineExceeded):
            raise
        except TimeoutError:
            error = str(PageTooSlow(number, self.limits.page_seconds))
        except KernelSightError as cause:
            error = str(cause)
        width, height = await source.page_size(number)
        return Page(number=number, width=width, height=height, regions=[], error=error)

    async def _read_page(
        self, source: PageSource, rendered: RenderedPage, options: DocumentsOptions, context: RunContext
    ) -> Page:
        read, text_source = await self._read_text(source, rendered, options, context)
        form = place_form(read, rendered.annotations, (rendered.pixels.shape[1], rendered.pixels.shape[0]))
        with context.stage("layout"):
            blocks = await self.layout.find_blocks(form.text.pixels, context)
        with context.stage("arrange"):
            return await self.pool.run(self._build_page, rendered, form, text_source, blocks, options)

    async def _read_text(
        self, source: PageSource, rendered: RenderedPage, options: DocumentsOptions, context: RunContext
    ) -> tuple[PageText, TextSource]:
        pixels, characters = rendered.pixels, rendered.characters
        if characters is not None and options.ocr != "force":
            with context.stage("text_layer"):
                if options.ocr == "never":
                    layer = await self.pool.run(read_text_layer, pixels, characters, include_hidden=True)
                    return layer, "text_layer"
                trusted = await self.pool.run(read_trusted_text_layer, pixels, characters)
            if trusted is not None:
                layer = await self._reread_garbled(trusted, context)
                pictures = await self.pool.run(find_unread_pictures, pixels, characters, rendered.dpi or DEFAULT_DPI)
                if not len(pictures):
                    return layer, "text_layer"
                return await self._add_text_of_pictures(source, rendered, layer, pictures, context)
        if options.ocr == "never":
            return PageText(pixels, ()), "ocr"
        with context.stage("ocr"):
            return await self._read_pixels(rendered, context), "ocr"

    async def _read_pixels(self, rendered: RenderedPage, context: RunContext) -> PageText:
        pixels = rendered.pixels
        lightened = await self.pool.run(lighten_dark_page, pixels)
        text = await FlatteningReader(self.reader, self.pool).read(lightened, rendered.aspect, context)
        if lightened is pixels:
            return text
        transform = PageTransform.of(text, pixels.shape[1], pixels.shape[0])
        return replace(text, pixels=await self.pool.run(transform.warp, pixels))

    async def _add_text_of_pictures(
        self,
        source: PageSource,
        rendered: RenderedPage,
        layer: PageText,
        pictures: Floats,
        context: RunContext,
    ) -> tuple[PageText, TextSource]:
        """The text layer and what is read in `pictures`, from a rendering without the layer's own text."""
        found = await self._read_pictures(source, rendered, pictures, 1, context)
        if is_small_print(found):
            found = await self._read_pictures(source, rendered, pictures, FINE_SCALE, context)
        if not found.lines:
            return layer, "text_layer"
        merged, is_scan = await self.pool.run(merge_readings, rendered.pixels, layer, found)
        return merged, "ocr" if is_scan else "text_layer"

    async def _read_pictures(
        self, source: PageSource, rendered: RenderedPage, pictures: Floats, scale: int, context: RunContext
    ) -> PageText:
        """The lines in `pictures`, in the pixels of `rendered`, read from a rendering `scale` times as large."""
        with context.stage("draw"):
            untyped = await source.render_without_text(rendered.number, scale)
        with context.stage("ocr"):
            enlarged = untyped.shape[1] / rendered.pixels.shape[1]
            masked = await self.pool.run(_keep_boxes, untyped, pictures * np.float32(enlarged))
            return shrink_reading(await self.reader.read(masked, context), enlarged)

    async def _reread_garbled(self, layer: PageText, context: RunContext) -> PageText:
        """The text layer with its garbled words read by OCR."""
        boxes = find_garbled_boxes(layer)
        if not len(boxes):
            return replace_garbled(layer, ())
        found = await self._read_boxes(layer.pixels, boxes, context)
        return replace(replace_garbled(layer, found.lines), warnings=layer.warnings or found.warnings)

    async def _read_boxes(self, pixels: Pixels, boxes: np.ndarray, context: RunContext) -> PageText:
        """The text that OCR reads in these boxes alone, in the coordinates of `pixels`."""
        with context.stage("ocr"):
            masked = await self.pool.run(_keep_boxes, pixels, boxes)
            found = await self.reader.read(masked, context)
        mapper = CoordinateMapper.of(found, masked.shape[1], masked.shape[0])
        return PageText(pixels, tuple(mapper.map_text_line(line) for line in found.lines), warnings=found.warnings)

    def _build_page(
        self,
        rendered: RenderedPage,
        form: PlacedForm,
        source: TextSource,
        blocks: list[LayoutBlock],
        options: DocumentsOptions,
    ) -> Page:
        height, width = rendered.pixels.shape[:2]
        text, notes = form.text, list_notes(rendered.annotations)
        regions, tables, found = self.arrange(text, frame_rows(blocks, form))
        pairs = merge_pairs(form.pairs, found)
        mapper = CoordinateMapper.of(text, width, height)
        mapped = [mapper.map_region(region) for region in regions]
        named = name_regions(rendered.number, [*mapped, *quote_notes(notes, len(mapped))])
        phrases = find_in_regions(named, rendered.pixels)
        return Page(
            number=rendered.number,
            width=width,
            height=height,
            dpi=rendered.dpi,
            rotation=text.rotation,
            skew=text.skew,
            source=source,
            regions=named,
            tables=[mapper.map_table(table) for table in tables] if options.tables else [],
            pairs=[mapper.map_pair(pair) for pair in pairs] if options.pairs else [],
            fields=list(form.fields),
            notes=notes,
            addresses_model=bool(phrases),
            instructions=phrases,
            warnings=list(text.warnings),
            picture=_encode_jpeg(rendered.pixels) if options.pictures else None,
        )


def _keep_boxes(pixels: Pixels, boxes: Floats) -> Pixels:
    """The page, white outside of `boxes`; in these, what is light on dark becomes dark on light."""
    masked = np.full_like(pixels, 255)
    for x0, y0, x1, y1 in boxes.round().astype(int).tolist():
        part = pixels[y0:y1, x0:x1]
        masked[y0:y1, x0:x1] = lighten_dark_page(part) if part.size else part
    return masked


def _encode_jpeg(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()
