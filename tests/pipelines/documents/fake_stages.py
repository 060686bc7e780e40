"""Fakes of the stages of the documents pipeline: a reader, a layout model and an arrangement."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from models.priority import Priority
from pipelines.boxes import Box
from pipelines.cpu_pool import CpuPool
from pipelines.documents.pdf.client import PdfiumClient
from pipelines.documents.pipeline import ArrangedPage, DocumentLimits, DocumentsPipeline, PageArranger
from pipelines.documents.stages import LayoutBlock, PageText, Pixels, TextLine, TextWord
from pipelines.documents.types import DocumentLine, DocumentWord, Region
from pipelines.image.decoders import DecoderLimits, Decoders
from pipelines.run_context import RunContext


def make_line(text: str, box: Box, score: float = 0.9) -> TextLine:
    """All words have the line's box."""
    x0, y0, x1, y1 = box
    quad = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
    return TextLine(text, quad, score, tuple(TextWord(word, box, score) for word in text.split()))


def return_lines(*lines: TextLine) -> Callable[[Pixels], PageText]:
    return lambda pixels: PageText(pixels, lines)


@dataclass
class FakeReader:
    """Records the pages that it gets, and at which priority; `result` makes its PageText."""

    result: Callable[[Pixels], PageText] = field(
        default_factory=lambda: return_lines(make_line("read by OCR", (10, 10, 90, 20)))
    )
    pages: list[Pixels] = field(default_factory=list)
    priorities: list[Priority] = field(default_factory=list)

    async def read(self, pixels: Pixels, context: RunContext) -> PageText:
        self.pages.append(pixels)
        self.priorities.append(context.priority)
        await asyncio.sleep(0)
        return self.result(pixels)


@dataclass
class FakeLayout:
    pages: list[Pixels] = field(default_factory=list)

    async def find_blocks(self, pixels: Pixels, context: RunContext) -> list[LayoutBlock]:
        self.pages.append(pixels)
        return []


def arrange_one_region_per_line(text: PageText, blocks: list[LayoutBlock]) -> ArrangedPage:
    """Regions in the order of the lines."""
    regions = [
        Region(label="text", box=one.box, score=1.0, order=order, lines=[_make_document_line(one)])
        for order, one in enumerate(text.lines)
    ]
    return regions, [], []


def _make_document_line(one: TextLine) -> DocumentLine:
    words = [DocumentWord(text=word.text, box=word.box, score=word.score, struck=word.is_struck) for word in one.words]
    return DocumentLine(text=one.text, box=one.box, score=one.score, words=words)


def make_documents_pipeline(
    pdfium: PdfiumClient,
    pool: CpuPool,
    *,
    reader: FakeReader | None = None,
    layout: FakeLayout | None = None,
    limits: DocumentLimits | None = None,
    arrange: PageArranger = arrange_one_region_per_line,
) -> DocumentsPipeline:
    return DocumentsPipeline(
        reader or FakeReader(),
        layout or FakeLayout(),
        arrange,
        pdfium,
        Decoders(pool, DecoderLimits(formats=())),
        pool,
        limits or DocumentLimits(),
        used=(),
    )
