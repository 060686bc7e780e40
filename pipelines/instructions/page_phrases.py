"""Finds phrases in a page's text layer and in lines read by OCR, each with its place and how it is hidden."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import cv2
import numpy as np

from pipelines.boxes import Box, enclosing_box
from pipelines.documents.coordinates import PageTransform
from pipelines.documents.pdf.page_characters import TextLayer
from pipelines.documents.stages import PageText
from pipelines.image.decode import Picture
from pipelines.instructions.hidden_text import find_layer_hiding, find_line_hiding, read_layer_characters
from pipelines.instructions.scoring import InstructionMatch, InstructionRules
from pipelines.instructions.types import Hiding


@dataclass(frozen=True, slots=True)
class PlacedPhrase:
    """A phrase; `box` is in pixels of the upright original, None in a text without a page."""

    match: InstructionMatch
    hiding: Hiding | None = None
    box: Box | None = None


def find_in_layer(rules: InstructionRules, picture: Picture, layer: TextLayer) -> list[PlacedPhrase]:
    """Spans count the layer's characters."""
    grey = np.asarray(picture.pixels.convert("L"))
    return [
        PlacedPhrase(
            match,
            find_layer_hiding(layer, match.span, grey),
            _to_original(enclosing_box(layer.characters.boxes[slice(*match.span)].tolist()), picture.scale),
        )
        for match in rules.find(read_layer_characters(layer))
    ]


def find_in_lines(rules: InstructionRules, picture: Picture, page: PageText) -> list[PlacedPhrase]:
    """Spans count the characters of all lines, joined by line breaks. `page` was read from the picture's pixels."""
    grey = cv2.cvtColor(page.pixels, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
    transform = PageTransform.of(page, *picture.pixels.size)
    found = []
    for match in rules.find("\n".join(line.text for line in page.lines)):
        lines = [page.lines[at] for at in find_spanned_texts([line.text for line in page.lines], match.span)]
        hidings = [find_line_hiding(line.box, line.height, grey) for line in lines]
        box = transform.box_to_original(enclosing_box([line.box for line in lines]))
        found.append(PlacedPhrase(match, hidings[0] if all(hidings) else None, _to_original(box, picture.scale)))
    return found


def find_spanned_texts(texts: Sequence[str], span: tuple[int, int]) -> list[int]:
    """Which of the texts a span touches, once they are joined by line breaks."""
    ends = accumulate(len(text) + 1 for text in texts)
    places = enumerate(zip(texts, ends, strict=True))
    return [at for at, (text, end) in places if end > span[0] and end - len(text) - 1 < span[1]]


def _to_original(box: Box, scale: float) -> Box:
    x0, y0, x1, y1 = (round(edge / scale, 1) for edge in box)
    return x0, y0, x1, y1
