"""PDFium in its own process: `python -m pipelines.documents.pdf.pdfium_process FILE_DESCRIPTOR SECONDS BYTES`.

A PDF of a kilobyte can take PDFium hours and all memory, or crash it, and PDFium has no means to be stopped. So the
kernel stops it: each request has a timer that ends the process, and the process has a memory limit.
"""

import resource
import signal
import sys
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium

from pipelines.documents.pdf.pdfium_text import PointsToPixels, read_characters

POINTS_PER_INCH = 72

PdfiumReply = tuple[str, Any]  # "done" and the result, or "locked", "corrupt", "broken" or "unknown" and the reason


def main() -> None:
    descriptor, seconds, memory = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the service, which shuts this process down
    documents: dict[int, Any] = {}
    connection = Connection(descriptor)
    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        signal.setitimer(signal.ITIMER_REAL, seconds)  # SIGALRM has no handler: it ends the process, even within C code
        reply = handle_request(documents, *request)
        signal.setitimer(signal.ITIMER_REAL, 0)
        connection.send(reply)


def handle_request(documents: dict[int, Any], kind: str, key: int, *arguments: Any) -> PdfiumReply:
    """`open` takes bytes and password; `size` and `page` take number, dpi and maximum of pixels; `close` nothing."""
    if kind == "open":
        return _open_document(documents, key, *arguments)
    document = documents.get(key)
    if document is None:
        return "unknown", None
    if kind == "close":
        documents.pop(key).close()
        return "done", None
    try:
        return "done", (_page_size if kind == "size" else _render_page)(document, *arguments)
    except pypdfium2.PdfiumError as cause:
        return "broken", str(cause)


def _open_document(documents: dict[int, Any], key: int, data: bytes, password: str | None) -> PdfiumReply:
    """Returns the number of pages."""
    try:
        documents[key] = pypdfium2.PdfDocument(data, password)
    except pypdfium2.PdfiumError as cause:
        is_locked = cause.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY)
        return "locked" if is_locked else "corrupt", str(cause)
    return "done", len(documents[key])


def _page_size(document: Any, number: int, dpi: int, max_pixels: int) -> tuple[int, int]:
    """Width and height of a page in pixels; 1 x 1 for a page that cannot be read."""
    size = pdfium.FS_SIZEF()
    pdfium.FPDF_GetPageSizeByIndexF(document, number - 1, size)
    return _size_in_pixels(size.width, size.height, _fit_dpi(size.width, size.height, dpi, max_pixels))


def _render_page(document: Any, number: int, dpi: int, max_pixels: int) -> tuple[Any, int, Any]:
    """The page's pixels, their dpi, and its characters."""
    page = _load_page(document, number)
    try:
        width, height = page.get_size()
        fitting_dpi = _fit_dpi(width, height, dpi, max_pixels)
        pixels = _render_bitmap(page, *_size_in_pixels(width, height, fitting_dpi))
        to_pixels = PointsToPixels(page.get_bbox(), page.get_rotation(), fitting_dpi / POINTS_PER_INCH)
        return pixels, fitting_dpi, read_characters(page, to_pixels)
    finally:
        page.close()


def _load_page(document: Any, number: int) -> Any:
    """The page with its form fields and annotations merged into its content: people read those, too."""
    page = document[number - 1]
    if pdfium.FPDFPage_GetAnnotCount(page) == 0:
        return page
    pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY)
    page.close()
    return document[number - 1]


def _fit_dpi(width: float, height: float, dpi: int, max_pixels: int) -> int:
    """`dpi`, or less if a page of this size in points would have more than `max_pixels`."""
    pixels = width * height * (dpi / POINTS_PER_INCH) ** 2
    return dpi if pixels <= max_pixels else max(1, int(dpi * (max_pixels / pixels) ** 0.5))


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
    main()
