"""Lines and proposed blocks to regions in reading order: every line in exactly one region.

lines ──► graphics take theirs ──► rows ──► paragraphs ──► kinds ──► order ──► lists, bibliographies ──► regions
"""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from pipelines.documents.boxes import area, common, iou, share, union
from pipelines.documents.kinds import Setting, is_beside, named
from pipelines.documents.order import reading_order
from pipelines.documents.pairs import pairs_of
from pipelines.documents.paragraphs import Paragraph, paragraphs_of
from pipelines.documents.parts import Block, PageText, Pixels, TextLine
from pipelines.documents.patterns import is_formula
from pipelines.documents.rows import Row, rows_of
from pipelines.documents.series import Part, with_series
from pipelines.documents.tables import table_of
from pipelines.documents.types import Box, Label, Line, Pair, Region, Table, Word

GRAPHICS: dict[Label, float] = {"figure": 0.3, "table": 0.35, "formula": 0.3}  # least score of each
TAKEN = 0.6  # share of a line inside a graphic that takes it


def arranged(text: PageText, blocks: Sequence[Block]) -> tuple[list[Region], list[Table], list[Pair]]:
    """Regions in reading order, tables and pairs, in pixels of the upright page `text.pixels`."""
    graphics, taken = _graphics(text.lines, blocks)
    free = [line for line, owner in zip(text.lines, taken, strict=True) if owner is None]
    proposals = [block for block in blocks if block.label not in GRAPHICS]
    rows = _inked(rows_of(free, proposals), text.pixels)
    parts = _in_order(_named(rows, graphics, text.pixels), graphics)
    regions, tables = [], []
    for order, part in enumerate(parts):
        if isinstance(part, Paragraph):
            lines = part.lines
        else:
            lines = [line for line, owner in zip(text.lines, taken, strict=True) if owner is part]
        regions.append(_region(part, lines, order))
        if part.label == "table":
            found = table_of(lines, part.box, part.score, order, text.pixels)
            tables += [found] if found else []
    return regions, tables, pairs_of(rows)


def _graphics(lines: Sequence[TextLine], blocks: Sequence[Block]) -> tuple[list[Block], list[Block | None]]:
    """Figures, tables and formulas that stand, each around its lines, and for each line the one that takes it."""
    kept: list[Block] = []
    for block in blocks:
        is_sure = block.score >= GRAPHICS.get(block.label, 2.0)
        if is_sure and not any(_is_told_by(block, other) for other in kept):
            kept.append(block)
    owners = [_owner(line, kept) for line in lines]
    whole = [
        replace(block, box=union([block.box, *(one.box for one, at in zip(lines, owners, strict=True) if at == index)]))
        for index, block in enumerate(kept)
    ]
    return whole, [None if at is None else whole[at] for at in owners]


def _is_told_by(block: Block, other: Block) -> bool:
    """Whether a surer graphic already tells it."""
    return share(block.box, other.box) > 0.7 or iou(block.box, other.box) > 0.5


def _owner(line: TextLine, graphics: Sequence[Block]) -> int | None:
    shares = [share(line.box, block.box) if _may_take(block, line) else 0.0 for block in graphics]
    best = int(np.argmax(shares)) if shares else 0
    return best if shares and shares[best] >= TAKEN else None


def _may_take(block: Block, line: TextLine) -> bool:
    """Formulas have symbols: a sentence that runs into the box of one stays text."""
    return block.label != "formula" or is_formula(line.text) or len(line.text.split()) < 5


def _inked(rows: Sequence[Row], pixels: Pixels) -> list[Row]:
    """Rows with their darkness against the page's other rows."""
    if not rows:
        return []
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    shares = np.array([_ink(grey, row.box) for row in rows])
    usual = float(np.median(shares)) or 1.0
    return [replace(row, ink=float(ink / usual)) for row, ink in zip(rows, shares, strict=True)]


def _ink(grey: np.ndarray, box: Box) -> float:
    """Share of the box's pixels that are nearer to its text's colour than to its ground's."""
    x0, y0, x1, y1 = (max(0, round(value)) for value in box)
    crop = grey[y0:y1, x0:x1]
    if crop.size == 0:
        return 0.0
    low, high = int(crop.min()), int(crop.max())
    dark = float((crop < (low + high) / 2).mean())
    return min(dark, 1 - dark)


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
    order = reading_order([union(part.box for part in bundle) for bundle in bundles], tall)
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


def _region(part: Part, lines: Sequence[TextLine], order: int) -> Region:
    return Region(label=part.label, box=part.box, score=part.score, order=order, lines=[_line(one) for one in lines])


def _line(line: TextLine) -> Line:
    words = [Word(text=word.text, box=word.box, score=word.score) for word in line.words]
    return Line(text=line.text, box=line.box, score=line.score, words=words)
