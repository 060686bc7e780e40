"""The first page of a PDF as the picture that pipelines for images look at."""

import hashlib

from PIL import Image

from pipelines.decode import Picture
from pipelines.documents.pdf import Pdfium

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
