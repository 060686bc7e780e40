"""PDFium in a confined process: `python -m pipelines.documents.pdf.pdfium_process` with `serve_requests`' arguments.

A PDF of a kilobyte can take PDFium hours and all memory, or crash it, and PDFium has no means to be stopped. So the
kernel stops it. It draws text in fonts that a file names without containing them, which is why it may read the
system's fonts.
"""

from contextlib import suppress
from dataclasses import dataclass, field, fields
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium

from models.thread_priority import lower_thread_priority
from pipelines.confinement.channel import ChannelMessage
from pipelines.confinement.child import serve_requests
from pipelines.documents.pdf.page_annotations import PdfAnnotation, pack_annotations
from pipelines.documents.pdf.pdfium_annotations import find_strikeouts, list_attachments, read_annotations
from pipelines.documents.pdf.pdfium_objects import PointBox, hide_text
from pipelines.documents.pdf.pdfium_text import PointsToPixels, read_characters

POINTS_PER_INCH = 72
# Where PDFium looks for fonts: core/fxge/linux/fx_linux_impl.cpp in its sources.
_FONT_FOLDERS = (
    Path("/usr/share/fonts"),
    Path("/usr/share/X11/fonts/Type1"),
    Path("/usr/share/X11/fonts/TTF"),
    Path("/usr/local/share/fonts"),
)


@dataclass(frozen=True, slots=True)
class _OpenPdf:
    """`annotations` and `strikeouts` are those of pages by number, kept because pages are flattened when rendered."""

    file: Any
    annotations: dict[int, list[PdfAnnotation]] = field(default_factory=dict)
    strikeouts: dict[int, list[PointBox]] = field(default_factory=dict)


class PdfiumProcess:
    """Handles requests about open documents. A reply's outcome is "done", or, with the reason, "locked", "corrupt",
    "broken" or "unknown"."""

    def __init__(self) -> None:
        self._documents: dict[int, _OpenPdf] = {}

    def handle_request(self, request: ChannelMessage) -> ChannelMessage:
        """`open` has data and password; `size`, `page`, `pictures` have number, dpi, max_pixels; `close` nothing."""
        facts = request.facts
        kind, key = facts["kind"], facts["key"]
        if kind == "open":
            return self._open(key, request.arrays["data"].tobytes(), facts["password"])
        document = self._documents.get(key)
        if document is None:
            return _refuse("unknown", "the document is not open")
        if kind == "close":
            self._documents.pop(key).file.close()
            return ChannelMessage({"outcome": "done"})
        read = {"size": _read_page_size, "pictures": _render_pictures}.get(kind, _render_page)
        try:
            return read(document, facts["number"], facts["dpi"], facts["max_pixels"])
        except (
            pypdfium2.PdfiumError,
            ArithmeticError,
            ValueError,
        ) as cause:  # sizes may be no numbers
            return _refuse("broken", str(cause))

    def _open(self, key: int, data: bytes, password: str | None) -> ChannelMessage:
        try:
            document = pypdfium2.PdfDocument(data, password)
            _start_forms(document)
            self._documents[key] = _OpenPdf(document)
        except pypdfium2.PdfiumError as cause:
            is_locked = cause.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY)
            return _refuse("locked" if is_locked else "corrupt", str(cause))
        is_xfa = document.get_formtype() in (pdfium.FORMTYPE_XFA_FULL, pdfium.FORMTYPE_XFA_FOREGROUND)
        facts = {"pages": len(document), "xfa": is_xfa, "attachments": list_attachments(document)}
        return ChannelMessage({"outcome": "done", **facts})


def _refuse(outcome: str, reason: str) -> ChannelMessage:
    return ChannelMessage({"outcome": outcome, "reason": reason})


def _start_forms(document: Any) -> None:
    """Fields have values and appearances only in a form environment. A broken form is none; no script runs in it."""
    with suppress(pypdfium2.PdfiumError):
        document.init_forms()


def _read_page_size(document: _OpenPdf, number: int, dpi: int, max_pixels: int) -> ChannelMessage:
    """Width and height of a page in pixels; 1 x 1 for a page that cannot be read."""
    size = pdfium.FS_SIZEF()
    pdfium.FPDF_GetPageSizeByIndexF(document.file, number - 1, size)
    fitting_dpi = _fit_dpi(size.width, size.height, dpi, max_pixels)
    width, height = _size_in_pixels(size.width, size.height, fitting_dpi)
    return ChannelMessage({"outcome": "done", "width": width, "height": height})


def _render_page(document: _OpenPdf, number: int, dpi: int, max_pixels: int) -> ChannelMessage:
    """The page's pixels, their dpi, its characters and annotations."""
    page = document.file[number - 1]
    try:
        width, height = page.get_size()
        fitting_dpi = _fit_dpi(width, height, dpi, max_pixels)
        to_pixels = PointsToPixels(page.get_bbox(), page.get_rotation(), fitting_dpi / POINTS_PER_INCH)
        page = _merge_annotations(document, page, number)
        pixels = _render_bitmap(page, *_size_in_pixels(width, height, fitting_dpi))
        characters = read_characters(page, to_pixels, document.strikeouts.get(number, []))
    finally:
        page.close()
    arrays = {one.name: getattr(characters, one.name) for one in fields(characters) if one.name != "too_many"}
    annotations = pack_annotations([one.scaled(to_pixels) for one in document.annotations.get(number, [])])
    facts = {"outcome": "done", "dpi": fitting_dpi, "too_many": characters.too_many}
    return ChannelMessage(facts, {"pixels": pixels, "annotations": annotations, **arrays})


def _render_pictures(document: _OpenPdf, number: int, dpi: int, max_pixels: int) -> ChannelMessage:
    """The page's pixels without any text that is written as such."""
    page = _merge_annotations(document, document.file[number - 1], number)
    try:
        hide_text(page)
        width, height = page.get_size()
        pixels = _render_bitmap(page, *_size_in_pixels(width, height, _fit_dpi(width, height, dpi, max_pixels)))
    finally:
        page.close()
    return ChannelMessage({"outcome": "done"}, {"pixels": pixels})


def _merge_annotations(document: _OpenPdf, page: Any, number: int) -> Any:
    """The page with its form fields and annotations merged into its content: people read those, too."""
    if pdfium.FPDFPage_GetAnnotCount(page) == 0:
        return page
    document.annotations[number] = read_annotations(page, document.file.formenv)
    document.strikeouts[number] = find_strikeouts(page)
    pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY)
    page.close()
    return document.file[number - 1]


def _fit_dpi(width: float, height: float, dpi: int, max_pixels: int) -> int:
    """`dpi`, or less if a page of this size in points would have more than `max_pixels`.

    Raises ValueError if it has more even at one dpi.
    """
    while (pixels := prod(_size_in_pixels(width, height, dpi))) > max_pixels:
        if dpi == 1:
            raise ValueError(f"the page has {pixels:,} pixels at one dpi")
        dpi = max(1, min(dpi - 1, int(dpi * (max_pixels / pixels) ** 0.5)))
    return dpi


def _size_in_pixels(width: float, height: float, dpi: int) -> tuple[int, int]:
    return max(1, round(width * dpi / POINTS_PER_INCH)), max(1, round(height * dpi / POINTS_PER_INCH))


def _render_bitmap(page: Any, width: int, height: int) -> Any:
    """(height, width, 3) RGB on white."""
    pixels = np.full((height, width, 3), 255, np.uint8)
    bitmap = pdfium.FPDFBitmap_CreateEx(width, height, pdfium.FPDFBitmap_BGR, pixels.ctypes.data, 3 * width)
    pdfium.FPDF_RenderPageBitmap(
        bitmap, page, 0, 0, width, height, 0, pdfium.FPDF_ANNOT | pdfium.FPDF_REVERSE_BYTE_ORDER
    )
    pdfium.FPDFBitmap_Destroy(bitmap)
    return pixels


if __name__ == "__main__":
    lower_thread_priority()  # a page can wait; callers with images cannot
    serve_requests(PdfiumProcess().handle_request, readable=_FONT_FOLDERS)
