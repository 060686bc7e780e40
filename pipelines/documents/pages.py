"""The pages of a file, one at a time, whatever kind of file it is."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from math import ceil
from typing import Protocol

import numpy as np
from PIL import Image

from pipelines.cpu_pool import CpuPool
from pipelines.documents.pdf.client import DrawnPage, Pdf, Pdfium
from pipelines.image.decode import Limits, Picture, decode


class Sheets(Protocol):
    @property
    def count(self) -> int: ...

    async def page(self, number: int) -> DrawnPage:
        """Raises a kind of ImageRejected: of that page alone."""

    async def picture(self, number: int, shorter_side: int | None) -> Picture:
        """The page for pipelines that look at images; `shorter_side` as theirs. Raises as `page`."""

    async def size(self, number: int) -> tuple[int, int]:
        """Width and height of a page that cannot be drawn, as far as they are known."""


@asynccontextmanager
async def opened_sheets(
    first: Picture, *, dpi: int, password: str | None, pdfium: Pdfium, pool: CpuPool, limits: Limits
) -> AsyncIterator[Sheets]:
    """Those of the file that `first` is the first page of. Raises DocumentLocked or DocumentCorrupt."""
    if first.format == "PDF":
        async with pdfium.opened(first.data, password) as pdf:
            yield PdfSheets(pdf, dpi, first)
    else:
        yield Frames(first, pool, limits)


@dataclass(frozen=True, slots=True)
class PdfSheets:
    pdf: Pdf
    dpi: int
    first: Picture

    @property
    def count(self) -> int:
        return self.pdf.page_count

    async def page(self, number: int) -> DrawnPage:
        return await self.pdf.page(number, self.dpi)

    async def picture(self, number: int, shorter_side: int | None) -> Picture:
        width, height = await self.size(number)
        needed = 1.0 if shorter_side is None else min(1.0, shorter_side / min(width, height))
        page = await self.pdf.page(number, ceil(self.dpi * needed))
        return replace(self.first, pixels=Image.fromarray(page.pixels), width=width, height=height)

    async def size(self, number: int) -> tuple[int, int]:
        return await self.pdf.size(number, self.dpi)


@dataclass(frozen=True, slots=True)
class Frames:
    """The pages of a TIFF; of every other image its one picture, also where that is the first of an animation."""

    first: Picture
    pool: CpuPool
    limits: Limits

    @property
    def count(self) -> int:
        return self.first.frames if self.first.format == "TIFF" else 1

    async def page(self, number: int) -> DrawnPage:
        found = self.first if number == 1 else await self.picture(number, None)
        return DrawnPage(number, np.asarray(found.pixels))

    async def picture(self, number: int, shorter_side: int | None) -> Picture:
        data, limits = self.first.data, self.limits
        return await self.pool.run(decode, data, limits=limits, shorter_side=shorter_side, frame=number - 1)

    async def size(self, number: int) -> tuple[int, int]:
        return self.first.width, self.first.height


DPI = 150  # of pages, where nothing else is asked for


async def first_page(data: bytes, pdfium: Pdfium, *, password: str | None, drawn: bool) -> Picture:
    """Where it is not `drawn`, its pixels are one white dot.

    Raises TooManyBytes, DocumentLocked, DocumentCorrupt, PageBroken or PageTooSlow.
    """
    async with pdfium.opened(data, password) as pdf:
        width, height = await pdf.size(1, DPI)
        pixels = Image.fromarray((await pdf.page(1, DPI)).pixels) if drawn else Image.new("RGB", (1, 1), "white")
        return Picture(
            pixels, width, height, "PDF", "RGB", orientation=1, frames=pdf.page_count, has_alpha=False, data=data,
            sha256=hashlib.sha256(data).hexdigest(),
        )  # fmt: skip
