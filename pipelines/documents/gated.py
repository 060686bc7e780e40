"""A gate over all pages of a PDF or TIFF that will be read: what other pipelines look at is the first alone."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from PIL import Image

from pipelines.decode import Limits, Picture, decode
from pipelines.documents.in_order import in_order
from pipelines.documents.pdf import Pdf, Pdfium
from pipelines.documents.picture import DPI
from pipelines.errors import ImageRejected
from pipelines.pipeline import CpuPool

AT_ONCE = 4  # pages in memory

Draw = Callable[[int], Awaitable[Picture]]


def pages_in(picture: Picture) -> int:
    """Of an animation only the first frame is ever read."""
    return picture.frames if picture.format in ("PDF", "TIFF") else 1


@dataclass(frozen=True)
class Pages:
    """The pages of the file that `picture` is the first of.

    `side` is what a page's shorter side should have at least, in pixels; None: those at DPI, or all there are.
    """

    picture: Picture
    pdfium: Pdfium
    pool: CpuPool
    limits: Limits
    password: str | None
    side: int | None

    async def each(
        self,
        numbers: Sequence[int],
        look: Callable[[Picture], Awaitable[Any]],
        unseen: Callable[[str], Awaitable[Any]],
    ) -> dict[int, Any]:
        """What `look` makes of each, or `unseen` of why it cannot be seen. Raises what they do."""
        async with self._opened() as draw:

            async def looked(number: int) -> Any:
                try:
                    # To those who keep what they know of a picture it is another one than the first.
                    sha256 = hashlib.sha256(f"{self.picture.sha256}, page {number}".encode()).hexdigest()
                    return await look(replace(await draw(number), sha256=sha256))
                except ImageRejected as error:
                    return await unseen(str(error))

            async with aclosing(in_order(numbers, looked, AT_ONCE)) as found:
                return dict(zip(numbers, [one async for one in found], strict=True))

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Draw]:
        if self.picture.format != "PDF":
            yield self._frame
            return
        async with self.pdfium.opened(self.picture.data, self.password) as pdf:
            yield lambda number: self._drawn(pdf, number)

    async def _drawn(self, pdf: Pdf, number: int) -> Picture:
        width, height = await pdf.size(number, DPI)
        dpi = DPI if self.side is None else min(DPI, ceil(DPI * self.side / min(width, height)))
        page = await pdf.page(number, dpi)
        return replace(self.picture, pixels=Image.fromarray(page.pixels), width=width, height=height)

    async def _frame(self, number: int) -> Picture:
        data, limits = self.picture.data, self.limits
        return await self.pool.run(decode, data, limits=limits, shorter_side=self.side, frame=number - 1)
