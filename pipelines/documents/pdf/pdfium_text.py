"""The characters of a PDF page as PDFium finds them, and what lies over them.

Part of PDFium's process, so only what takes PDFium is done here: what the characters are worth is found in
`text_layer`, elsewhere.
"""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import pi
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Characters in the order of the page's content; arrays have one row for each.

    Boxes are pixels and have the height of the font. `quarters` are turns by 90 degrees clockwise; `invisible`
    marks text that is not painted, `covered` text that an opaque image was painted over, `unmapped` what the
    font gives no Unicode for. `images` (n, 4) are the boxes of all images. `too_many`: nothing was read.
    """

    codes: NDArray[np.uint32] = field(repr=False)
    boxes: Floats = field(repr=False)
    quarters: NDArray[np.int8] = field(repr=False)
    invisible: NDArray[np.bool_] = field(repr=False)
    covered: NDArray[np.bool_] = field(repr=False)
    unmapped: NDArray[np.bool_] = field(repr=False)
    images: Floats = field(repr=False)
    too_many: bool = False


MOST_GLYPHS = 60_000  # of a page: a dense newspaper page has 20,000; what has more is read by its looks

MOST_OBJECTS = 20_000  # of a page that are looked at for images

MOST_DEPTH = 4  # of forms in forms

MOST_COVERS = 8  # images over text whose transparency is looked at

_INVISIBLE = (pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP)


@dataclass(frozen=True, slots=True)
class Places:
    """Where points of a page go: its box (left, bottom, right, top), its /Rotate, and pixels per point."""

    box: tuple[float, float, float, float]
    rotation: int
    scale: float

    def __call__(self, boxes: Floats) -> Floats:
        """(n, 4) left, bottom, right, top in points to x0, y0, x1, y1 in pixels."""
        left, bottom, right, top = self.box
        x0, y0, x1, y1 = boxes.T
        match self.rotation:
            case 90:
                placed = (y0 - bottom, x0 - left, y1 - bottom, x1 - left)
            case 180:
                placed = (right - x1, y0 - bottom, right - x0, y1 - bottom)
            case 270:
                placed = (top - y1, right - x1, top - y0, right - x0)
            case _:
                placed = (x0 - left, top - y1, x1 - left, top - y0)
        return np.stack(placed, axis=1).astype(np.float32) * np.float32(self.scale)


@dataclass(frozen=True, slots=True)
class _Image:
    """An image on the page; `depth` counts the objects that were painted before it."""

    raw: Any
    depth: int
    box: tuple[float, float, float, float]


def read_glyphs(page: Any, places: Places) -> Glyphs:
    """Raises PdfiumError."""
    depths, images = _painted(page)
    image_boxes = places(np.array([image.box for image in images], np.float32).reshape(-1, 4))
    text = page.get_textpage()
    try:
        count = text.count_chars()
        if count > MOST_GLYPHS:
            return _glyphs([], places, image_boxes, too_many=True)
        rect = pdfium.FS_RECTF()
        rows = [_row(text, index, depths, rect) for index in range(count)]
    finally:
        text.close()
    glyphs = _glyphs(rows, places, image_boxes)
    _mark_covered(glyphs, np.array([row[7] for row in rows], np.int64), images, page)
    return glyphs


def _glyphs(rows: list[tuple[Any, ...]], places: Places, images: Floats, *, too_many: bool = False) -> Glyphs:
    table = np.array([row[:8] for row in rows], np.float64).reshape(-1, 8)
    quarters = np.rint((table[:, 5].clip(0) + places.rotation * pi / 180) / (pi / 2)).astype(np.int64) % 4
    return Glyphs(
        codes=table[:, 0].astype(np.uint32),
        boxes=places(table[:, 1:5].astype(np.float32)),
        quarters=quarters.astype(np.int8),
        invisible=np.array([row[8] for row in rows], np.bool_),
        covered=np.zeros(len(rows), np.bool_),
        unmapped=table[:, 6] > 0,
        images=images,
        too_many=too_many,
    )


def _row(text: Any, index: int, depths: dict[int, tuple[int, bool]], rect: Any) -> tuple[Any, ...]:
    """Code, box, angle clockwise in radians, unmapped, depth, invisible; `rect` is room for the box."""
    pdfium.FPDFText_GetLooseCharBox(text, index, rect)
    found = pdfium.FPDFText_GetTextObject(text, index)
    depth, invisible = depths.get(_address(found), (0, False)) if found else (0, False)
    return (
        pdfium.FPDFText_GetUnicode(text, index),
        rect.left, rect.bottom, rect.right, rect.top,
        pdfium.FPDFText_GetCharAngle(text, index),
        pdfium.FPDFText_HasUnicodeMapError(text, index),
        depth,
        invisible,
    )  # fmt: skip


def _painted(page: Any) -> tuple[dict[int, tuple[int, bool]], list[_Image]]:
    """Each text object's place in the order of painting and whether it is invisible, by address; and all images."""
    texts: dict[int, tuple[int, bool]] = {}
    images: list[_Image] = []
    for depth, (raw, matrix) in enumerate(_objects(page, None, np.eye(3), 0)):
        if depth == MOST_OBJECTS:
            break
        kind = pdfium.FPDFPageObj_GetType(raw)
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            texts[_address(raw)] = depth, pdfium.FPDFTextObj_GetTextRenderMode(raw) in _INVISIBLE
        elif kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            images.append(_Image(raw, depth, _bounds(raw, matrix)))
    return texts, images


def _objects(
    page: Any, form: Any, matrix: NDArray[np.float64], level: int
) -> Iterator[tuple[Any, NDArray[np.float64]]]:
    """All objects in the order of painting, those of forms with the matrix that leads to the page."""
    count = pdfium.FPDFFormObj_CountObjects(form) if form else pdfium.FPDFPage_CountObjects(page)
    for index in range(count):
        raw = pdfium.FPDFFormObj_GetObject(form, index) if form else pdfium.FPDFPage_GetObject(page, index)
        yield raw, matrix
        if pdfium.FPDFPageObj_GetType(raw) == pdfium.FPDF_PAGEOBJ_FORM and level < MOST_DEPTH:
            yield from _objects(page, raw, matrix @ _matrix(raw), level + 1)


def _matrix(raw: Any) -> NDArray[np.float64]:
    found = pdfium.FS_MATRIX()
    pdfium.FPDFPageObj_GetMatrix(raw, found)
    return np.array([[found.a, found.c, found.e], [found.b, found.d, found.f], [0, 0, 1]])


def _bounds(raw: Any, matrix: NDArray[np.float64]) -> tuple[float, float, float, float]:
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    pdfium.FPDFPageObj_GetBounds(raw, left, bottom, right, top)
    xs, ys = (left.value, right.value), (bottom.value, top.value)
    corners = matrix @ np.array([[x, y, 1.0] for x in xs for y in ys]).T
    (x0, y0), (x1, y1) = corners[:2].min(axis=1).tolist(), corners[:2].max(axis=1).tolist()
    return x0, y0, x1, y1


def _mark_covered(glyphs: Glyphs, depths: NDArray[np.int64], images: list[_Image], page: Any) -> None:
    x, y = (glyphs.boxes[:, 0] + glyphs.boxes[:, 2]) / 2, (glyphs.boxes[:, 1] + glyphs.boxes[:, 3]) / 2
    looked_at = 0
    for image, (x0, y0, x1, y1) in zip(images, glyphs.images.tolist(), strict=True):
        under = (x > x0) & (x < x1) & (y > y0) & (y < y1) & (depths < image.depth)
        if under.any() and looked_at < MOST_COVERS:
            looked_at += 1
            if _is_opaque(image.raw, page):
                glyphs.covered[under] = True


def _is_opaque(image: Any, page: Any) -> bool:
    """Whether nearly nothing can be seen through it: a soft mask shows only in the picture that it makes."""
    bitmap = pdfium.FPDFImageObj_GetRenderedBitmap(page.pdf, page, image)
    if not bitmap:
        return True
    try:
        if pdfium.FPDFBitmap_GetFormat(bitmap) != pdfium.FPDFBitmap_BGRA:
            return True
        height, stride = pdfium.FPDFBitmap_GetHeight(bitmap), pdfium.FPDFBitmap_GetStride(bitmap)
        start = ctypes.cast(pdfium.FPDFBitmap_GetBuffer(bitmap), ctypes.POINTER(ctypes.c_uint8))
        alpha = np.ctypeslib.as_array(start, (height, stride))[:, 3 : 4 * pdfium.FPDFBitmap_GetWidth(bitmap) : 4]
        return bool((alpha > 250).mean() > 0.9)
    finally:
        pdfium.FPDFBitmap_Destroy(bitmap)


def _address(pointer: Any) -> int:
    return ctypes.addressof(pointer.contents)
