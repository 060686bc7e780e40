"""Lines and proposed blocks to regions in reading order: every line in exactly one region.

lines ──► graphics take theirs ──► rows ──► paragraphs ──► kinds ──► order ──► lists, bibliographies ──► regions
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import cv2
import numpy as np

from pipelines.documents.boxes import area, common, union
from pipelines.documents.stages import Block, PageText, Pixels, TextLine
from pipelines.documents.structure.classify import Setting, is_beside, named
from pipelines.documents.structure.graphics import GRAPHICS, graphics_of
from pipelines.documents.structure.ink import Grey, ink_share, trimmed
from pipelines.documents.structure.key_values import may_have_pairs, pairs_of
from pipelines.documents.structure.lists import Part, with_series
from pipelines.documents.structure.paragraphs import Paragraph, paragraphs_of
from pipelines.documents.structure.reading_order import reading_order
from pipelines.documents.structure.rows import Row, parted, rows_of
from pipelines.documents.tables import table_of
from pipelines.documents.types import Box, Line, Pair, Region, Table, Word


def arranged(text: PageText, blocks: Sequence[Block]) -> tuple[list[Region], list[Table], list[Pair]]:
    """Regions in reading order, tables and pairs, in pixels of the upright page `text.pixels`."""
    proposals = [block for block in blocks if block.label not in GRAPHICS]
    graphics, free = graphics_of(parted(text.lines, proposals), blocks, text.pixels)
    grey = cast(Grey, cv2.cvtColor(text.pixels, cv2.COLOR_RGB2GRAY))
    rows = _inked(rows_of(free, proposals), grey)
    parts = _in_order(_named(rows, list(graphics), text.pixels), list(graphics))
    regions, tables, loose = [], [], []
    for order, part in enumerate(parts):
        lines = part.lines if isinstance(part, Paragraph) else graphics[part]
        regions.append(_region(part, lines, order, grey))
        loose += lines if may_have_pairs(part.label, lines) else []
        if part.label == "table":
            found = table_of(lines, part.box, part.score, order, text.pixels)
            tables += [found] if found else []
    return regions, tables, pairs_of(loose)


def _inked(rows: Sequence[Row], grey: Grey) -> list[Row]:
    """Rows with their darkness against the page's other rows."""
    if not rows:
        return []
    shares = np.array([ink_share(grey, row.box) for row in rows])
    usual = float(np.median(shares)) or 1.0
    return [replace(row, ink=float(ink / usual)) for row, ink in zip(rows, shares, strict=True)]


def _named(rows: Sequence[Row], graphics: Sequence[Block], pixels: Pixels) -> list[Paragraph]:
    paragraphs = paragraphs_of(rows)
    setting = Setting.of(pixels.shape[1], pixels.shape[0], paragraphs, graphics)
    return [named(one, setting) for one in paragraphs]


def _in_order(paragraphs: Sequence[Paragraph], graphics: Sequence[Block]) -> list[Part]:
    """Headers first, footers last, captions with what they describe, the rest as it is read."""
    heads = [one for one in paragraphs if one.label == "header"]
    feet = [one for one in paragraphs if one.label == "footer"]
    body: list[Part] = [*(one for one in paragraphs if one.label not in ("header", "footer")), *graphics]
    tall = float(np.median([one.height for one in paragraphs])) if paragraphs else 1.0
    bundles = _bundles(body, tall)
    order = reading_order(
        [union(part.box for part in bundle) for bundle in bundles],
        tall,
        floats=[bundle[0].label in ("figure", "table", "caption") for bundle in bundles],
    )
    flow = [part for index in order for part in sorted(bundles[index], key=lambda one: one.box[1])]
    return [*_level(heads), *with_series(flow), *_level(feet)]


def _level(parts: Sequence[Paragraph]) -> list[Paragraph]:
    return [parts[index] for index in reading_order([part.box for part in parts], 1.0)]


def _bundles(parts: Sequence[Part], tall: float) -> list[list[Part]]:
    """Each caption with its figure or table, everything else alone; nothing may lie in between."""
    bundles: list[list[Part]] = [[part] for part in parts if part.label != "caption"]
    for caption in (part for part in parts if part.label == "caption"):
        best, gap = None, float("inf")
        for bundle in bundles:
            if bundle[0].label in ("figure", "table") and is_beside(caption.box, bundle[0].box, tall):
                distance = max(bundle[0].box[1] - caption.box[3], caption.box[1] - bundle[0].box[3])
                if distance < gap and _is_clear(union([caption.box, bundle[0].box]), caption, bundle, parts):
                    best, gap = bundle, distance
        if best is None:
            bundles.append([caption])
        else:
            best.append(caption)
    return bundles


def _is_clear(whole: Box, caption: Part, bundle: Sequence[Part], parts: Sequence[Part]) -> bool:
    others = (one for one in parts if one is not caption and all(one is not own for own in bundle))
    return all(common(one.box, whole) < 0.2 * area(one.box) for one in others)


def _region(part: Part, lines: Sequence[TextLine], order: int, grey: Grey) -> Region:
    """What is written has the box of its ink, what is drawn that of the model around its lines."""
    box = union(trimmed(grey, line.box) for line in lines) if isinstance(part, Paragraph) else part.box
    return Region(label=part.label, box=box, score=part.score, order=order, lines=[_line(one) for one in lines])


def _line(line: TextLine) -> Line:
    words = [Word(text=word.text, box=word.box, score=word.score) for word in line.words]
    return Line(text=line.text, box=line.box, score=line.score, words=words)
