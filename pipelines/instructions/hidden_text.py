"""Text that people do not see, or hardly: of a PDF's text layer, and of lines that OCR found in a picture."""

import numpy as np
from numpy.typing import NDArray

from pipelines.boxes import Box
from pipelines.documents.pdf.page_characters import Floats, TextLayer
from pipelines.documents.pdf.text_quality import is_unreadable
from pipelines.instructions.types import Hiding

GreyPixels = NDArray[np.uint8]  # (height, width)

MIN_POINTS = 4.0  # height of a font; small print has 6, and print under 4 is made not to be read
MIN_LINE_PIXELS, MIN_LINE_SHARE = 8.0, 0.005  # of a line in a picture; share of its longer side
MIN_CONTRAST = 64  # of 255 in brightness between ink and ground; text for people has over 100
MEASURED_LETTERS = 16  # of a phrase, for its contrast
HYPHEN = 2  # PDFium's mark for a hyphen at a line's end


def read_layer_characters(layer: TextLayer) -> str:
    """The whole layer in the order of the page's content, one character for each of `layer.characters`."""
    return "".join(map(_decode_code, layer.characters.codes.tolist()))


def _decode_code(code: int) -> str:
    if code == HYPHEN:
        return "-"
    if code in (0x9, 0xA, 0xD):
        return "\n" if code != 0x9 else " "
    return "\N{REPLACEMENT CHARACTER}" if is_unreadable(code) else chr(code)


def find_layer_hiding(layer: TextLayer, span: tuple[int, int], grey: GreyPixels) -> Hiding | None:
    """How the characters in `span` are kept from view; None where people can read them.

    `grey` is the page, drawn at the layer's resolution. What holds for half of the characters counts.
    """
    characters = layer.characters
    drawn = np.arange(*span)[~np.isin(characters.codes[slice(*span)], (0x20, 0x9, 0xA, 0xD))]
    boxes = characters.boxes[drawn]
    height, width = grey.shape
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    is_outside = np.asarray(((middles < 0) | (middles > (width, height))).any(axis=1), np.bool_)
    heights = (boxes[:, 3] - boxes[:, 1]) * 72 / layer.dpi
    facts: list[tuple[Hiding, NDArray[np.bool_]]] = [
        ("not painted", characters.invisible[drawn]),
        ("under an image", characters.covered[drawn]),
        ("outside of the page", is_outside),
        ("tiny", heights < MIN_POINTS),
        ("faint", np.array([measure_contrast(grey, box) < MIN_CONTRAST for box in _pick_boxes(boxes)], np.bool_)),
    ]
    return next((hiding for hiding, is_so in facts if 2 * is_so.sum() > len(is_so)), None)


def find_line_hiding(box: Box, height: float, grey: GreyPixels) -> Hiding | None:
    """How a line that OCR read is kept from view; `height` is that of its letters, all in pixels of `grey`."""
    if height < max(MIN_LINE_PIXELS, MIN_LINE_SHARE * max(grey.shape)):
        return "tiny"
    return "faint" if measure_contrast(grey, box) < MIN_CONTRAST else None


def measure_contrast(grey: GreyPixels, box: Box) -> int:
    """Between the brightest and the darkest pixel in `box`; 0 outside of the picture."""
    x0, y0, x1, y1 = (max(0, round(edge)) for edge in box)
    part = grey[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
    return int(part.max()) - int(part.min()) if part.size else 0


def _pick_boxes(boxes: Floats) -> list[Box]:
    """Some of the boxes, from everywhere in the phrase."""
    every = 1 + len(boxes) // MEASURED_LETTERS
    return [(x0, y0, x1, y1) for x0, y0, x1, y1 in boxes[::every].tolist()]
