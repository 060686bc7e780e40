"""The characters of a PDF page, as PDFium's process hands them over. Needs no PDFium."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

MAX_CHARACTERS = 60_000  # of a page: a dense newspaper page has 20,000; pages with more are read by OCR
MAX_OBJECTS = 20_000  # of a page that are searched for images and lines


@dataclass(frozen=True, slots=True)
class PageCharacters:
    """Characters in the order of the page's content; arrays have one row for each.

    Boxes are pixels and have the height of the font; `origins` (n, 2) are pixels, too: where each character's baseline
    begins. `quarters` are clockwise rotations in units of 90 degrees; `fonts` numbers the page's fonts, and `symbols`
    are kinds of symbol fonts (`symbol_fonts`). `invisible` marks text that is not painted, `covered` text under an
    opaque image, `unmapped` characters for which the font has no Unicode. `images` (m, 4) are the boxes of all images,
    `strokes` those of thin horizontal and vertical lines. `too_many`: no character was read.
    """

    codes: NDArray[np.uint32] = field(repr=False)
    boxes: Floats = field(repr=False)
    origins: Floats = field(repr=False)
    quarters: NDArray[np.int8] = field(repr=False)
    fonts: NDArray[np.uint32] = field(repr=False)
    symbols: NDArray[np.int8] = field(repr=False)
    invisible: NDArray[np.bool_] = field(repr=False)
    covered: NDArray[np.bool_] = field(repr=False)
    unmapped: NDArray[np.bool_] = field(repr=False)
    images: Floats = field(repr=False)
    strokes: Floats = field(repr=False)
    too_many: bool = False


@dataclass(frozen=True, slots=True)
class TextLayer:
    """Everything that a PDF page says it has written on it, seen or not. Boxes are pixels at `dpi`."""

    characters: PageCharacters
    dpi: int
