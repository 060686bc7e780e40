"""Figures, tables and formulas: which proposals stand, and which lines are theirs."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipelines.documents.boxes import area, centre, iou, share, union, width
from pipelines.documents.stages import Block, Pixels, TextLine
from pipelines.documents.structure.paragraphs import Paragraph, paragraphs_of
from pipelines.documents.structure.rows import columns, rows_of
from pipelines.documents.structure.text_patterns import is_equation_number, is_prose
from pipelines.documents.tables.detection import is_table
from pipelines.documents.tables.tokens import pieces_of, visual_rows
from pipelines.documents.types import Label

GRAPHICS: dict[Label, float] = {"figure": 0.3, "table": 0.35, "formula": 0.3}  # least score of each
WITHIN = 0.5  # share of a figure inside a line that says it is part of the line
TAKEN = 0.6  # share of a line inside a graphic that takes it
# Share of a figure's area under text of any kind that says it is text; less where it has most of the page's lines.
DENSE, SPARSE, MOST = 0.6, 0.06, 0.8
WRITTEN = 0.25  # share of a figure's area under running text that says it is none


def graphics_of(
    lines: Sequence[TextLine], blocks: Sequence[Block], pixels: Pixels
) -> tuple[dict[Block, list[TextLine]], list[TextLine]]:
    """Graphics with their lines, each around its lines, and the lines that are left."""
    kept: list[Block] = []
    for block in blocks:
        is_sure = block.score >= GRAPHICS.get(block.label, 2.0)
        if is_sure and not any(_is_told_by(block, other) for other in kept) and not _is_in_a_line(block, lines):
            kept.append(block)
    if is_table(lines, kept, pixels):
        kept = [Block("table", union([line.box for line in lines]), 0.5)]
    inside = _placed(lines, kept)
    kept = [block for block in kept if not _is_page(block, inside.get(block, []), lines)]
    inside = _placed(lines, kept)
    held: dict[Block, list[TextLine]] = {}
    free = inside.pop(None, [])
    for block in kept:
        own, text = _parted(block, inside.get(block, []))
        free += text
        parts = _cut(block, own, text)
        held |= dict(parts)
        free += [line for line in own if not any(line is one for _, theirs in parts for one in theirs)]
    return held, free


def _cut(block: Block, own: Sequence[TextLine], text: Sequence[TextLine]) -> list[tuple[Block, list[TextLine]]]:
    """What stands of a proposal once it has lost `text`: nothing, itself around its lines, or the formulas in it."""
    written = sum(area(one.box) for one in paragraphs_of(rows_of(text, [])))
    if block.label != "formula" and written > WRITTEN * area(block.box):
        return []
    whole = replace(block, box=union([block.box, *(line.box for line in own)]))
    if block.label != "formula" or not text:
        return [(whole, list(own))]
    numbers = [line for line in text if is_equation_number(line.text)]
    right = min([block.box[2], *(line.box[0] for line in numbers)])
    trimmed = replace(block, box=(block.box[0], block.box[1], max(right, block.box[0] + 1), block.box[3]))
    return _between(trimmed, own, [line for line in text if not is_equation_number(line.text)])


def _between(block: Block, own: Sequence[TextLine], text: Sequence[TextLine]) -> list[tuple[Block, list[TextLine]]]:
    """The stripes of a proposal that lines of text leave, those with something written in them."""
    lines = [(line.box[1], line.box[3]) for line in sorted(text, key=lambda one: one.box[1])]
    tops = [block.box[1], *(bottom for _, bottom in lines)]
    bottoms = [*(top for top, _ in lines), block.box[3]]
    found = []
    for top, bottom in zip(tops, bottoms, strict=True):
        inside = [line for line in own if top < centre(line.box)[1] < bottom]
        if inside or not lines:
            stripe = (block.box[0], top, block.box[2], bottom) if not lines else union(line.box for line in inside)
            around = union([(stripe[0], top, stripe[2], bottom), *(line.box for line in inside)])
            found.append((replace(block, box=around), inside))
    return found


def _is_told_by(block: Block, other: Block) -> bool:
    """Whether a surer graphic already tells it."""
    return share(block.box, other.box) > 0.7 or iou(block.box, other.box) > 0.5


def _is_in_a_line(block: Block, lines: Sequence[TextLine]) -> bool:
    """Whether a figure or table is a letter or a word."""
    return block.label != "formula" and any(share(block.box, line.box) > WITHIN for line in lines)


def _is_page(block: Block, inside: Sequence[TextLine], lines: Sequence[TextLine]) -> bool:
    """Whether a figure is taken for text: that of the whole page, as of a receipt or a screenshot, or a dense block."""
    if block.label != "figure" or not inside:
        return False
    density = sum(area(line.box) for line in inside) / area(block.box)
    is_most = len(inside) > MOST * len(lines) and area(block.box) > 0.6 * area(union([line.box for line in lines]))
    return density > DENSE or (is_most and density > SPARSE)


def _placed(lines: Sequence[TextLine], graphics: Sequence[Block]) -> dict[Block | None, list[TextLine]]:
    found: dict[Block | None, list[TextLine]] = {}
    for line in lines:
        shares = [share(line.box, block.box) for block in graphics]
        best = int(np.argmax(shares)) if shares else 0
        owner = graphics[best] if shares and shares[best] >= TAKEN else None
        found.setdefault(owner, []).append(line)
    return found


def _parted(block: Block, lines: Sequence[TextLine]) -> tuple[list[TextLine], list[TextLine]]:
    """Lines that are a proposal's own, and those of text that it was drawn over or taken for."""
    if block.label == "formula":
        text = [line for line in lines if is_prose(line.text) or is_equation_number(line.text)]
    elif block.label == "table":
        text = list(lines) if _is_one_column(lines) else []
    else:
        text = [line for one in paragraphs_of(rows_of(lines, [])) if _is_running(one) for line in one.lines]
    return [line for line in lines if all(line is not other for other in text)], text


def _is_one_column(lines: Sequence[TextLine]) -> bool:
    """Running text whose rows have no gap in them: no table."""
    rows = visual_rows(pieces_of(lines))
    return all(len(row) == 1 for row in rows) and any(map(_is_running, paragraphs_of(rows_of(lines, []))))


def _is_running(paragraph: Paragraph) -> bool:
    """Several full rows: labels in figures are short."""
    wide = [row for row in paragraph.rows if width(row.box) > 0.8 * width(paragraph.box) and columns(row.text) >= 24]
    return len(wide) >= 2
