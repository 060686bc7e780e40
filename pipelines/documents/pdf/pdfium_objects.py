"""Walks the objects of a PDF page with PDFium: texts with their fonts, images, and thin lines. Runs in its process."""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from pipelines.documents.pdf.page_characters import MAX_OBJECTS
from pipelines.documents.pdf.symbol_fonts import find_symbol_font

MAX_FORM_DEPTH = 4  # of forms in forms
MAX_THICKNESS, MIN_LENGTH = 3.0, 2.0  # points: of a line that may strike words
MAX_SEGMENTS = 400  # of a path that are looked at: drawings have more
_FONT_NAME_BYTES = 128
_INVISIBLE_MODES = (pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP)

PointBox = tuple[float, float, float, float]  # left, bottom, right, top


@dataclass(frozen=True, slots=True)
class PageImage:
    """An image on the page; `depth` is the number of objects painted before it; its box is in points."""

    raw: Any
    depth: int
    box: PointBox


@dataclass(frozen=True, slots=True)
class TextObject:
    """`depth` as of an image; `font` numbers the page's fonts; `symbols` is a code of `symbol_fonts`."""

    depth: int = 0
    is_invisible: bool = False
    font: int = 0
    symbols: int = 0


@dataclass(slots=True)
class PageObjects:
    """Text objects by address; `strokes` are the boxes of thin horizontal or vertical lines, in points."""

    texts: dict[int, TextObject] = field(default_factory=dict)
    images: list[PageImage] = field(default_factory=list)
    strokes: list[PointBox] = field(default_factory=list)
    fonts: dict[int, tuple[int, int]] = field(default_factory=dict)  # by address: number, symbols


def find_objects(page: Any) -> PageObjects:
    """At most MAX_OBJECTS in painting order."""
    found = PageObjects()
    for depth, (raw, matrix) in enumerate(_walk_objects(page, None, np.eye(3), 0)):
        if depth == MAX_OBJECTS:
            break
        kind = pdfium.FPDFPageObj_GetType(raw)
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            is_invisible = pdfium.FPDFTextObj_GetTextRenderMode(raw) in _INVISIBLE_MODES
            found.texts[read_address(raw)] = TextObject(depth, is_invisible, *_number_font(raw, found.fonts))
        elif kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            found.images.append(PageImage(raw, depth, _bounds(raw, matrix)))
        elif kind == pdfium.FPDF_PAGEOBJ_PATH and len(found.strokes) < MAX_OBJECTS:
            found.strokes += _find_strokes(raw, matrix)
    del found.strokes[MAX_OBJECTS:]
    return found


def hide_text(page: Any) -> None:
    """Make the page's text invisible in what is rendered from now on."""
    for depth, (raw, _) in enumerate(_walk_objects(page, None, np.eye(3), 0)):
        if depth == MAX_OBJECTS:
            break
        if pdfium.FPDFPageObj_GetType(raw) == pdfium.FPDF_PAGEOBJ_TEXT:
            pdfium.FPDFTextObj_SetTextRenderMode(raw, pdfium.FPDF_TEXTRENDERMODE_INVISIBLE)


def read_address(pointer: Any) -> int:
    return ctypes.addressof(pointer.contents)


def _number_font(raw: Any, fonts: dict[int, tuple[int, int]]) -> tuple[int, int]:
    font = pdfium.FPDFTextObj_GetFont(raw)
    if not font:
        return 0, 0
    address = read_address(font)
    if address not in fonts:
        name = ctypes.create_string_buffer(_FONT_NAME_BYTES)
        pdfium.FPDFFont_GetBaseFontName(font, name, _FONT_NAME_BYTES)
        fonts[address] = len(fonts) + 1, find_symbol_font(name.value.decode("latin-1"))
    return fonts[address]


def _walk_objects(
    page: Any, form: Any, matrix: NDArray[np.float64], level: int
) -> Iterator[tuple[Any, NDArray[np.float64]]]:
    """All objects in painting order, each with the matrix that maps its form to the page."""
    count = pdfium.FPDFFormObj_CountObjects(form) if form else pdfium.FPDFPage_CountObjects(page)
    for index in range(count):
        raw = pdfium.FPDFFormObj_GetObject(form, index) if form else pdfium.FPDFPage_GetObject(page, index)
        yield raw, matrix
        if pdfium.FPDFPageObj_GetType(raw) == pdfium.FPDF_PAGEOBJ_FORM and level < MAX_FORM_DEPTH:
            yield from _walk_objects(page, raw, matrix @ _matrix(raw), level + 1)


def _matrix(raw: Any) -> NDArray[np.float64]:
    found = pdfium.FS_MATRIX()
    pdfium.FPDFPageObj_GetMatrix(raw, found)
    return np.array([[found.a, found.c, found.e], [found.b, found.d, found.f], [0, 0, 1]])


def _bounds(raw: Any, matrix: NDArray[np.float64]) -> PointBox:
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    pdfium.FPDFPageObj_GetBounds(raw, left, bottom, right, top)
    return _map_box((left.value, bottom.value, right.value, top.value), matrix)


def _map_box(box: PointBox, matrix: NDArray[np.float64]) -> PointBox:
    corners = matrix @ np.array([[x, y, 1.0] for x in box[::2] for y in box[1::2]]).T
    (x0, y0), (x1, y1) = corners[:2].min(axis=1).tolist(), corners[:2].max(axis=1).tolist()
    return x0, y0, x1, y1


def _find_strokes(raw: Any, matrix: NDArray[np.float64]) -> list[PointBox]:
    """Painted thin lines: the straight segments of a stroked path, as wide as its pen, or a path that is one."""
    fill, is_stroked = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDFPath_GetDrawMode(raw, fill, is_stroked)
    count = pdfium.FPDFPath_CountSegments(raw)
    if is_stroked.value and count <= MAX_SEGMENTS:
        own = matrix @ _matrix(raw)
        margin = _read_pen_width(raw, own) / 2
        segments = (_widen(segment, margin) for segment in _read_segments(raw, count, own))
        return [segment for segment in segments if _is_thin(segment)]
    box = _bounds(raw, matrix)
    return [box] if (fill.value or is_stroked.value) and _is_thin(box) else []


def _read_pen_width(raw: Any, matrix: NDArray[np.float64]) -> float:
    """Width of a path's stroke in points: PDFium's bounds have it twice."""
    width = ctypes.c_float()
    pdfium.FPDFPageObj_GetStrokeWidth(raw, width)
    return width.value * float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))


def _widen(box: PointBox, margin: float) -> PointBox:
    """The box of a horizontal or vertical line with its width."""
    x0, y0, x1, y1 = box
    is_flat = x1 - x0 > y1 - y0
    return (x0, y0 - margin, x1, y1 + margin) if is_flat else (x0 - margin, y0, x1 + margin, y1)


def _read_segments(raw: Any, count: int, matrix: NDArray[np.float64]) -> Iterator[PointBox]:
    x, y = ctypes.c_float(), ctypes.c_float()
    last: tuple[float, float] | None = None
    for index in range(count):
        segment = pdfium.FPDFPath_GetPathSegment(raw, index)
        pdfium.FPDFPathSegment_GetPoint(segment, x, y)
        here = (x.value, y.value)
        if last is not None and pdfium.FPDFPathSegment_GetType(segment) == pdfium.FPDF_SEGMENT_LINETO:
            yield _map_box((*last, *here), matrix)
        last = here


def _is_thin(box: PointBox) -> bool:
    width, height = box[2] - box[0], box[3] - box[1]
    return min(width, height) <= MAX_THICKNESS and max(width, height) >= MIN_LENGTH
