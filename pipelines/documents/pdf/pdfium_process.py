"""PDFium in a process of its own: `python -m pipelines.documents.pdf.pdfium_process FILE_DESCRIPTOR SECONDS BYTES`.

A PDF of a kilobyte can take PDFium hours and all memory, or make it crash, and nothing stops it from outside. So
the kernel does: each request has a timer that ends the process, and the process may have only so much memory.
"""

import resource
import signal
import sys
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium

from pipelines.documents.pdf.pdfium_text import Places, read_glyphs

POINTS_PER_INCH = 72

Reply = tuple[str, Any]  # "done" and what was asked for, or "locked", "corrupt", "broken", "unknown" and why


def main() -> None:
    descriptor, seconds, memory = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the service, which ends this process in good order
    documents: dict[int, Any] = {}
    connection = Connection(descriptor)
    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        signal.setitimer(signal.ITIMER_REAL, seconds)  # its signal has no handler: it ends the process, in C code too
        reply = answer(documents, *request)
        signal.setitimer(signal.ITIMER_REAL, 0)
        connection.send(reply)


def answer(documents: dict[int, Any], what: str, key: int, *arguments: Any) -> Reply:
    """`open` takes bytes and password, `size` and `page` number, dpi and the most pixels; `close` nothing."""
    if what == "open":
        return _open(documents, key, *arguments)
    document = documents.get(key)
    if document is None:
        return "unknown", None
    if what == "close":
        documents.pop(key).close()
        return "done", None
    try:
        return "done", (_size if what == "size" else _page)(document, *arguments)
    except pypdfium2.PdfiumError as cause:
        return "broken", str(cause)


def _open(documents: dict[int, Any], key: int, data: bytes, password: str | None) -> Reply:
    """The number of pages."""
    try:
        documents[key] = pypdfium2.PdfDocument(data, password)
    except pypdfium2.PdfiumError as cause:
        is_locked = cause.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY)
        return "locked" if is_locked else "corrupt", str(cause)
    return "done", len(documents[key])


def _size(document: Any, number: int, dpi: int, most_pixels: int) -> tuple[int, int]:
    """Width and height of a page in pixels; a page that cannot be read has one."""
    size = pdfium.FS_SIZEF()
    pdfium.FPDF_GetPageSizeByIndexF(document, number - 1, size)
    return _pixels(size.width, size.height, _fitting(size.width, size.height, dpi, most_pixels))


def _page(document: Any, number: int, dpi: int, most_pixels: int) -> tuple[Any, int, Any]:
    """Its pixels, the dpi that they have, and its glyphs."""
    page = _loaded(document, number)
    try:
        width, height = page.get_size()
        fitting = _fitting(width, height, dpi, most_pixels)
        pixels = _draw(page, *_pixels(width, height, fitting))
        places = Places(page.get_bbox(), page.get_rotation(), fitting / POINTS_PER_INCH)
        return pixels, fitting, read_glyphs(page, places)
    finally:
        page.close()


def _loaded(document: Any, number: int) -> Any:
    """The page with its form fields and annotations made part of its content: people read those, too."""
    page = document[number - 1]
    if pdfium.FPDFPage_GetAnnotCount(page) == 0:
        return page
    pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY)
    page.close()
    return document[number - 1]


def _fitting(width: float, height: float, dpi: int, most_pixels: int) -> int:
    """`dpi`, or what keeps a page of this size, in points, within the limit."""
    pixels = width * height * (dpi / POINTS_PER_INCH) ** 2
    return dpi if pixels <= most_pixels else max(1, int(dpi * (most_pixels / pixels) ** 0.5))


def _pixels(width: float, height: float, dpi: int) -> tuple[int, int]:
    return max(1, round(width * dpi / POINTS_PER_INCH)), max(1, round(height * dpi / POINTS_PER_INCH))


def _draw(page: Any, width: int, height: int) -> Any:
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
