"""Stand-ins for the stages of the documents pipeline: a reader, a layout model, and how both are arranged."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from pipelines.cpu_pool import CpuPool
from pipelines.documents.pdf.client import Pdfium
from pipelines.documents.pipeline import Arranged, DocumentLimits, DocumentsPipeline
from pipelines.documents.stages import Block, PageText, Pixels, TextLine, TextWord
from pipelines.documents.types import Line, Region, Word
from pipelines.run_context import RunContext


def line(text: str, box: tuple[float, float, float, float], score: float = 0.9) -> TextLine:
    """All words have the line's box."""
    x0, y0, x1, y1 = box
    quad = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
    return TextLine(text, quad, score, tuple(TextWord(word, box, score) for word in text.split()))


def reads(*lines: TextLine) -> Callable[[Pixels], PageText]:
    return lambda pixels: PageText(pixels, lines)


@dataclass
class FakeReader:
    """Remembers the pages that it saw and answers what it is told."""

    answer: Callable[[Pixels], PageText] = field(default_factory=lambda: reads(line("read by looks", (10, 10, 90, 20))))
    seen: list[Pixels] = field(default_factory=list)

    async def read(self, pixels: Pixels, context: RunContext) -> PageText:
        self.seen.append(pixels)
        await asyncio.sleep(0)
        return self.answer(pixels)


@dataclass
class FakeLayout:
    seen: list[Pixels] = field(default_factory=list)

    async def find(self, pixels: Pixels, context: RunContext) -> list[Block]:
        self.seen.append(pixels)
        return []


def one_region_a_line(text: PageText, blocks: list[Block]) -> Arranged:
    """In the order in which the lines came."""
    regions = [
        Region(label="text", box=one.box, score=1.0, order=order, lines=[_wire(one)])
        for order, one in enumerate(text.lines)
    ]
    return regions, [], []


def _wire(one: TextLine) -> Line:
    words = [Word(text=word.text, box=word.box, score=word.score) for word in one.words]
    return Line(text=one.text, box=one.box, score=one.score, words=words)


def documents(
    pdfium: Pdfium,
    pool: CpuPool,
    *,
    reader: FakeReader | None = None,
    layout: FakeLayout | None = None,
    limits: DocumentLimits | None = None,
) -> DocumentsPipeline:
    return DocumentsPipeline(
        reader or FakeReader(),
        layout or FakeLayout(),
        one_region_a_line,
        pdfium,
        pool,
        limits or DocumentLimits(),
        used=(),
    )
