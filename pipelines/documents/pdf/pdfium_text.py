"""Reads the characters of a PDF page with PDFium, and what covers them.

It runs in PDFium's process, so it does only what needs PDFium: `text_layer` turns characters into lines, in the
service's process.
"""

import ctypes
from collections.abc import Iterable
from dataclasses import dataclass
from math import pi
from typing import Any, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium
from numpy.ctypeslib import as_array  # now, as the confined process cannot import it later
from numpy.typing import NDArray

from pipelines.documents.pdf.page_characters import MAX_CHARACTERS, MAX_OBJECTS, Floats, PageCharacters
from pipelines.documents.pdf.pdfium_objects import (
    PageImage,
    PageObjects,
    PointBox,
    TextObject,
    find_objects,
    read_address,
)
from pipelines.documents.pdf.symbol_fonts import translate_symbols

_SPACE = 0x20  # PDFium adds no character above it
MAX_COVERS = 8  # images over text whose transparency is checked


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


def read_characters(page: Any, to_pixels: PointsToPixels, strikeouts: Iterable[PointBox] = ()) -> PageCharacters:
    """`strikeouts` are lines that viewers draw beside those of the content. Raises PdfiumError."""
    objects = find_objects(page)
    objects.strokes += strikeouts
    del objects.strokes[MAX_OBJECTS:]
    text = page.get_textpage()
    try:
        count = text.count_chars()
        too_many = count > MAX_CHARACTERS
        reader = _CharacterReader(text, objects.texts)
        rows = [] if too_many else _join_surrogates([reader.read(index) for index in range(count)])
    finally:
        text.close()
    characters = _build_characters(rows, to_pixels, objects, too_many=too_many)
    _mark_covered(characters, np.array([row.text.depth for row in rows], np.int64), objects.images, page)
    return characters


class _Character(NamedTuple):  # a page has thousands, and a dataclass takes three times as long
    """Box and origin are points, the angle radians clockwise; `text` is the object that it belongs to."""

    code: int
    box: PointBox
    origin: tuple[float, float]
    angle: float
    is_unmapped: bool
    text: TextObject


class _CharacterReader:
    """Reads the characters of a text page one by one; its buffers are used again for each."""

    def __init__(self, page: Any, texts: dict[int, TextObject]) -> None:
        self._page, self._texts = page, texts
        self._rect, self._x, self._y = pdfium.FS_RECTF(), ctypes.c_double(), ctypes.c_double()
        self._angle, self._text = 0.0, TextObject()

    def read(self, index: int) -> _Character:
        """Spaces that PDFium adds have no direction and no font of their own: they follow the character before."""
        page, rect = self._page, self._rect
        code = pdfium.FPDFText_GetUnicode(page, index)
        pdfium.FPDFText_GetLooseCharBox(page, index, rect)
        pdfium.FPDFText_GetCharOrigin(page, index, self._x, self._y)
        if code > _SPACE or pdfium.FPDFText_IsGenerated(page, index) != 1:
            self._angle = pdfium.FPDFText_GetCharAngle(page, index)
            found = pdfium.FPDFText_GetTextObject(page, index)
            self._text = self._texts.get(read_address(found), TextObject()) if found else TextObject()
        return _Character(
            code,
            (rect.left, rect.bottom, rect.right, rect.top),
            (self._x.value, self._y.value),
            self._angle,
            bool(pdfium.FPDFText_HasUnicodeMapError(page, index) > 0),
            self._text,
        )


def _join_surrogates(rows: list[_Character]) -> list[_Character]:
    """PDFium gives a character beyond the first 65,536 as two: the halves of UTF-16."""
    joined: list[_Character] = []
    for row in rows:
        if joined and _is_low(row.code) and _is_high(joined[-1].code):
            code = 0x10000 + ((joined[-1].code & 0x3FF) << 10) + (row.code & 0x3FF)
            joined[-1] = joined[-1]._replace(code=code)
        else:
            joined.append(row)
    return joined


def _is_high(code: int) -> bool:
    return 0xD800 <= code < 0xDC00


def _is_low(code: int) -> bool:
    return 0xDC00 <= code < 0xE000


def _build_characters(
    rows: list[_Character], to_pixels: PointsToPixels, objects: PageObjects, *, too_many: bool
) -> PageCharacters:
    angles = np.array([row.angle for row in rows]).clip(0) + to_pixels.rotation * pi / 180
    origins = np.array([row.origin * 2 for row in rows], np.float32).reshape(-1, 4)
    codes = np.array([row.code for row in rows], np.uint32)
    symbols = np.array([row.text.symbols for row in rows], np.int8)
    translated = translate_symbols(codes, symbols)
    return PageCharacters(
        codes=translated,
        boxes=to_pixels(np.array([row.box for row in rows], np.float32).reshape(-1, 4)),
        origins=np.ascontiguousarray(to_pixels(origins)[:, :2]),
        quarters=(np.rint(angles / (pi / 2)).astype(np.int64) % 4).astype(np.int8),
        fonts=np.array([row.text.font for row in rows], np.uint32),
        symbols=symbols,
        invisible=np.array([row.text.is_invisible for row in rows], np.bool_),
        covered=np.zeros(len(rows), np.bool_),
        unmapped=np.array([row.is_unmapped for row in rows], np.bool_) & (translated == codes),
        images=to_pixels(np.array([image.box for image in objects.images], np.float32).reshape(-1, 4)),
        strokes=to_pixels(np.array(objects.strokes, np.float32).reshape(-1, 4)),
        too_many=too_many,
    )


def _mark_covered(characters: PageCharacters, depths: NDArray[np.int64], images: list[PageImage], page: Any) -> None:
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
