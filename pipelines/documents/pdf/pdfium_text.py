"""Reads the characters of a PDF page with PDFium, and what covers them.

It runs in PDFium's process, so it does only what needs PDFium: `text_layer` turns characters into lines, in the
service's process.
"""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from math import pi
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium
from numpy.ctypeslib import as_array  # now, as the confined process cannot import it later
from numpy.typing import NDArray

from pipelines.documents.pdf.page_characters import MAX_CHARACTERS, MAX_OBJECTS, Floats, PageCharacters

MAX_FORM_DEPTH = 4  # of forms in forms
MAX_COVERS = 8  # images over text whose transparency is checked

_INVISIBLE_MODES = (pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP)


@dataclass(frozen=True, slots=True)
class PointsToPixels:
    """Maps a page's points to pixels: `box` is left, bottom, right, top; `rotation` its /Rotate; `scale` in pixels
    per point."""

    box: tuple[float, float, float, float]
    rotation: int
    scale: float

    def __call__(self, boxes: Floats) -> Floats:
        """(n, 4) left, bottom, right, top in points to x0, y0, x1, y1 in pixels; all finite, whatever a file says."""
        left, bottom, right, top = self.box
        x0, y0, x1, y1 = boxes.T
        match self.rotation:
            case 90:
                mapped = (y0 - bottom, x0 - left, y1 - bottom, x1 - left)
            case 180:
                mapped = (right - x1, y0 - bottom, right - x0, y1 - bottom)
            case 270:
                mapped = (top - y1, right - x1, top - y0, right - x0)
            case _:
                mapped = (x0 - left, top - y1, x1 - left, top - y0)
        pixels: Floats = np.stack(mapped, axis=1).astype(np.float32) * np.float32(self.scale)
        np.nan_to_num(pixels, copy=False)
        return pixels


@dataclass(frozen=True, slots=True)
class _Image:
    """An image on the page; `depth` is the number of objects painted before it."""

    raw: Any
    depth: int
    box: tuple[float, float, float, float]


def read_characters(page: Any, to_pixels: PointsToPixels) -> PageCharacters:
    """Raises PdfiumError."""
    depths, images = _find_text_and_images(page)
    image_boxes = to_pixels(np.array([image.box for image in images], np.float32).reshape(-1, 4))
    text = page.get_textpage()
    try:
        count = text.count_chars()
        if count > MAX_CHARACTERS:
            return _build_characters([], to_pixels, image_boxes, too_many=True)
        rect = pdfium.FS_RECTF()
        rows = [_read_character(text, index, depths, rect) for index in range(count)]
    finally:
        text.close()
    characters = _build_characters(rows, to_pixels, image_boxes)
    _mark_covered(characters, np.array([row[7] for row in rows], np.int64), images, page)
    return characters


def _build_characters(
    rows: list[tuple[Any, ...]], to_pixels: PointsToPixels, images: Floats, *, too_many: bool = False
) -> PageCharacters:
    table = np.array([row[:8] for row in rows], np.float64).reshape(-1, 8)
    quarters = np.rint((table[:, 5].clip(0) + to_pixels.rotation * pi / 180) / (pi / 2)).astype(np.int64) % 4
    return PageCharacters(
        codes=table[:, 0].astype(np.uint32),
        boxes=to_pixels(table[:, 1:5].astype(np.float32)),
        quarters=quarters.astype(np.int8),
        invisible=np.array([row[8] for row in rows], np.bool_),
        covered=np.zeros(len(rows), np.bool_),
        unmapped=table[:, 6] > 0,
        images=images,
        too_many=too_many,
    )


def _read_character(text: Any, index: int, depths: dict[int, tuple[int, bool]], rect: Any) -> tuple[Any, ...]:
    """Code, box, angle clockwise in radians, unmapped, depth, invisible; `rect` is a buffer for the box."""
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


def _find_text_and_images(page: Any) -> tuple[dict[int, tuple[int, bool]], list[_Image]]:
    """By address, each text object's depth in painting order and whether it is invisible; and all images."""
    texts: dict[int, tuple[int, bool]] = {}
    images: list[_Image] = []
    for depth, (raw, matrix) in enumerate(_walk_objects(page, None, np.eye(3), 0)):
        if depth == MAX_OBJECTS:
            break
        kind = pdfium.FPDFPageObj_GetType(raw)
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            texts[_address(raw)] = depth, pdfium.FPDFTextObj_GetTextRenderMode(raw) in _INVISIBLE_MODES
        elif kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            images.append(_Image(raw, depth, _bounds(raw, matrix)))
    return texts, images


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


def _bounds(raw: Any, matrix: NDArray[np.float64]) -> tuple[float, float, float, float]:
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    pdfium.FPDFPageObj_GetBounds(raw, left, bottom, right, top)
    xs, ys = (left.value, right.value), (bottom.value, top.value)
    corners = matrix @ np.array([[x, y, 1.0] for x in xs for y in ys]).T
    (x0, y0), (x1, y1) = corners[:2].min(axis=1).tolist(), corners[:2].max(axis=1).tolist()
    return x0, y0, x1, y1


def _mark_covered(characters: PageCharacters, depths: NDArray[np.int64], images: list[_Image], page: Any) -> None:
    x, y = (characters.boxes[:, 0] + characters.boxes[:, 2]) / 2, (characters.boxes[:, 1] + characters.boxes[:, 3]) / 2
    checked = 0
    for image, (x0, y0, x1, y1) in zip(images, characters.images.tolist(), strict=True):
        under = (x > x0) & (x < x1) & (y > y0) & (y < y1) & (depths < image.depth)
        if under.any() and checked < MAX_COVERS:
            checked += 1
            if _is_opaque(image.raw, page):
                characters.covered[under] = True


def _is_opaque(image: Any, page: Any) -> bool:
    """Whether almost nothing shows through. The image is rendered, as its soft mask shows only then."""
    bitmap = pdfium.FPDFImageObj_GetRenderedBitmap(page.pdf, page, image)
    if not bitmap:
        return True
    try:
        if pdfium.FPDFBitmap_GetFormat(bitmap) != pdfium.FPDFBitmap_BGRA:
            return True
        height, stride = pdfium.FPDFBitmap_GetHeight(bitmap), pdfium.FPDFBitmap_GetStride(bitmap)
        start = ctypes.cast(pdfium.FPDFBitmap_GetBuffer(bitmap), ctypes.POINTER(ctypes.c_uint8))
        alpha = as_array(start, (height, stride))[:, 3 : 4 * pdfium.FPDFBitmap_GetWidth(bitmap) : 4]
        return bool((alpha > 250).mean() > 0.9)
    finally:
        pdfium.FPDFBitmap_Destroy(bitmap)


def _address(pointer: Any) -> int:
    return ctypes.addressof(pointer.contents)
