"""Merges a page's text layer with what OCR reads in its pictures: nothing twice, nothing lost."""

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from statistics import median
from typing import cast

import numpy as np

from pipelines.boxes import Box, enclosing_box
from pipelines.documents.coordinates import CoordinateMapper, PageTransform
from pipelines.documents.stages import PageText, Pixels, TextLine, TextWord
from pipelines.documents.structure.rows import cut_line

COVERED = 0.5  # share of a word's box under words of the layer from which it may be one of them
ALIKE = 0.5  # similarity of two texts that are one word, misread or not
MOSTLY = 0.6  # share of the covered words that are alike from which the layer is the picture's own text

SMALL_PRINT = 20.0  # pixels: lower lines, of print under 8 points at 150 dpi, are read better when drawn larger
FINE_SCALE = 2  # of that second drawing


def is_small_print(found: PageText) -> bool:
    return bool(found.lines) and median(line.height for line in found.lines) < SMALL_PRINT


def shrink_reading(found: PageText, factor: float) -> PageText:
    """The reading in the pixels of a page that is smaller by `factor` than the one that was read."""
    return found if factor == 1 else replace(found, lines=tuple(_shrink_line(line, factor) for line in found.lines))


def _shrink_line(line: TextLine, factor: float) -> TextLine:
    words = tuple(replace(word, box=cast(Box, tuple(edge / factor for edge in word.box))) for word in line.words)
    return replace(line, quad=line.quad / np.float32(factor), words=words)


def merge_readings(pixels: Pixels, layer: PageText, found: PageText) -> tuple[PageText, bool]:
    """One reading of the page `pixels`, and whether most of it was read by OCR, whose orientation then counts.

    `layer` is the text layer's reading, `found` that of the page's picture without that text, both of the same page.
    """
    height, width = pixels.shape[:2]
    typed = _map_to_page(layer, width, height)
    seen = remove_repeated(_map_to_page(found, width, height), [word for line in typed for word in line.words])
    is_scan = _count_characters(seen) > _count_characters(typed)
    frame = found if is_scan else layer
    transform = PageTransform.of(frame, width, height)
    kept, added = (frame.lines, typed) if is_scan else (frame.lines, seen)
    if is_scan:
        kept = tuple(_map_to_frame(line, transform) for line in seen)
    lines = [*kept, *(_map_to_frame(line, transform) for line in added)]
    upright = transform.warp(pixels) if is_scan else layer.pixels
    lines.sort(key=lambda line: (line.box[1], line.box[0]))
    warnings = layer.warnings or found.warnings
    return PageText(upright, tuple(lines), frame.rotation, frame.skew, warnings), is_scan


def remove_repeated(lines: Sequence[TextLine], words: Sequence[TextWord]) -> list[TextLine]:
    """The lines without those words that are in `words`, too: in the same place, and alike or misread."""
    if not words:
        return list(lines)
    boxes = np.array([word.box for word in words])
    twins = [[_find_twins(word, words, boxes) for word in line.words] for line in lines]
    covered = [
        (word, twin)
        for line, row in zip(lines, twins, strict=True)
        for word, twin in zip(line.words, row, strict=True)
        if twin
    ]
    is_own_text = sum(_are_alike(word.text, twin) for word, twin in covered) > MOSTLY * len(covered)
    kept_lines: list[TextLine] = []
    for line, row in zip(lines, twins, strict=True):
        kept = [
            word
            for word, twin in zip(line.words, row, strict=True)
            if not (twin and (is_own_text or _are_alike(word.text, twin)))
        ]
        if len(kept) == len(line.words):
            kept_lines.append(line)
        elif kept:
            kept_lines.append(cut_line(line, kept))
    return kept_lines


def _find_twins(word: TextWord, words: Sequence[TextWord], boxes: np.ndarray) -> str:
    """The text of the words that cover most of this one's box; empty where they do not."""
    x0, y0, x1, y1 = word.box
    wide = np.minimum(boxes[:, 2], x1) - np.maximum(boxes[:, 0], x0)
    high = np.minimum(boxes[:, 3], y1) - np.maximum(boxes[:, 1], y0)
    shared = wide.clip(0) * high.clip(0)
    if shared.sum() < COVERED * max(1e-6, (x1 - x0) * (y1 - y0)):
        return ""
    return "".join(words[at].text for at in np.flatnonzero(shared).tolist())


def _are_alike(one: str, other: str) -> bool:
    return SequenceMatcher(None, one.casefold(), other.casefold(), autojunk=False).ratio() >= ALIKE


def _count_characters(lines: Sequence[TextLine]) -> int:
    return sum(len(line.text) for line in lines)


def _map_to_page(text: PageText, width: int, height: int) -> list[TextLine]:
    mapper = CoordinateMapper.of(text, width, height)
    return [mapper.map_text_line(line) for line in text.lines]


def _map_to_frame(line: TextLine, transform: PageTransform) -> TextLine:
    """A line of the page as it came in, on the upright page."""
    words = tuple(replace(word, box=_map_box(word.box, transform)) for word in line.words)
    return replace(line, quad=transform.to_upright(line.quad), words=words)


def _map_box(box: Box, transform: PageTransform) -> Box:
    x0, y0, x1, y1 = box
    corners = transform.to_upright(np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float32))
    return enclosing_box([(x, y, x, y) for x, y in corners.tolist()])
