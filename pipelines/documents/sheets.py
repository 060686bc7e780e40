"""The pages of a file, one at a time, whatever kind of file it is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from math import ceil
from typing import Protocol

import numpy as np
from PIL import Image

from pipelines.decode import Limits, Picture, decode
from pipelines.documents.pdf import DrawnPage, Pdf, Pdfium
from pipelines.pipeline import CpuPool


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
