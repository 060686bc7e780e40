"""The pages of a file, one at a time, whatever kind of file it is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pipelines.decode import Limits, Picture, decode
from pipelines.documents.options import DocumentsOptions
from pipelines.documents.pdf import DrawnPage, Pdf, Pdfium
from pipelines.pipeline import CpuPool


class Sheets(Protocol):
    @property
    def count(self) -> int: ...

    async def page(self, number: int) -> DrawnPage:
        """Raises a kind of ImageRejected: of that page alone."""

    async def size(self, number: int) -> tuple[int, int]:
        """Width and height of a page that cannot be drawn, as far as they are known."""


@asynccontextmanager
async def opened_sheets(
    picture: Picture, options: DocumentsOptions, *, pdfium: Pdfium, pool: CpuPool, limits: Limits
) -> AsyncIterator[Sheets]:
    """Raises DocumentLocked or DocumentCorrupt."""
    if picture.format == "PDF":
        password = options.password.get_secret_value() if options.password else None
        async with pdfium.opened(picture.data, password) as pdf:
            yield PdfSheets(pdf, options.dpi)
    else:
        yield Frames(picture, pool, limits)


@dataclass(frozen=True, slots=True)
class PdfSheets:
    pdf: Pdf
    dpi: int

    @property
    def count(self) -> int:
        return self.pdf.page_count

    async def page(self, number: int) -> DrawnPage:
        return await self.pdf.page(number, self.dpi)

    async def size(self, number: int) -> tuple[int, int]:
        return await self.pdf.size(number, self.dpi)


@dataclass(frozen=True, slots=True)
class Frames:
    """The pages of a TIFF; of every other image its one picture, also where that is the first of an animation."""

    picture: Picture
    pool: CpuPool
    limits: Limits

    @property
    def count(self) -> int:
        return self.picture.frames if self.picture.format == "TIFF" else 1

    async def page(self, number: int) -> DrawnPage:
        if number == 1:
            return DrawnPage(1, np.asarray(self.picture.pixels))
        found = await self.pool.run(decode, self.picture.data, limits=self.limits, frame=number - 1)
        return DrawnPage(number, np.asarray(found.pixels))

    async def size(self, number: int) -> tuple[int, int]:
        return self.picture.width, self.picture.height
