"""Selects the figures, tables and formulas among the layout blocks, and the lines that belong to each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipelines.boxes import (
    box_area,
    box_centre,
    box_width,
    contained_share,
    enclosing_box,
    intersection_area,
    intersection_over_union,
)
from pipelines.documents.stages import LayoutBlock, TextLine
from pipelines.documents.structure.paragraphs import chain_rows, find_level_rows
from pipelines.documents.structure.rows import TextRow, build_rows, display_width
from pipelines.documents.structure.side_by_side import BoxPart, find_box_rows
from pipelines.documents.structure.table_blocks import is_half, join_halves, reach_heads
from pipelines.documents.structure.text_patterns import is_equation_number, is_item, is_prose
from pipelines.documents.tables.detection import find_aligned_tables, find_notes_below, is_table_page
from pipelines.documents.tables.tokens import group_into_rows, split_into_tokens
from pipelines.documents.types import RegionLabel

GRAPHIC_MIN_SCORES: dict[RegionLabel, float] = {"figure": 0.3, "table": 0.35, "formula": 0.3}
IN_LINE = 0.5  # share of a figure inside a line from which it is a part of the line
SAME_EXTENT = 0.6  # share of a figure's area that aligned texts cover from which it is a table
SURE_FIGURE = 0.9  # score from which a figure is no table, however aligned its texts are
HEADINGS, HEADING_SCORE = ("header", "title", "caption"), 0.3  # blocks whose lines name no columns, from a score
OVERLAP = 0.2  # share of a table in a figure from which the two are one
ALIGNED_SCORE = 0.5  # of a table that is found by the alignment of its texts
IN_GRAPHIC = 0.6  # share of a line inside a graphic from which it belongs to the graphic
# Share of a figure's area under lines of any kind from which it is text; the lower limit is for a figure that holds
# MOST of the page's lines.
DENSE, SPARSE, MOST = 0.6, 0.06, 0.8
RUNNING_TEXT = 0.25  # share of a figure's or table's area under running text from which it is no graphic
FULL_ROW = 24  # characters of a row of running text, at least: labels in figures are shorter
WIDE_ROW = 0.8  # width of such a row, at least, relative to its column


@dataclass(frozen=True)
class _BlockContent:
    """The lines inside a layout block: its own, and text that the block was drawn over or mistaken for.

    `text_area` is the area of the columns of that text, in square pixels.
    """

    own: list[TextLine]
    text: list[TextLine]
    text_area: float = 0.0


def select_graphics(
    lines: Sequence[TextLine], blocks: Sequence[LayoutBlock]
) -> tuple[dict[LayoutBlock, list[TextLine]], list[TextLine]]:
    """Graphics with their lines, each box extended around them, and the lines outside all graphics."""
    candidates = _choose_candidates(lines, blocks)
    lines_of = _assign_lines(lines, candidates)
    candidates = [block for block in candidates if not _is_text_figure(block, lines_of.get(block, []), lines)]
    candidates = _add_aligned_tables(lines, candidates)
    headings = [block for block in blocks if block.label in HEADINGS and block.score >= HEADING_SCORE]
    candidates = [reach_heads(block, lines, [*candidates, *headings]) for block in candidates]
    lines_of = _assign_lines(lines, candidates)
    graphics: dict[LayoutBlock, list[TextLine]] = {}
    free = lines_of.pop(None, [])
    for block in candidates:
        content = _divide_content(block, lines_of.get(block, []))
        parts = _remove_text(block, content)
        graphics |= dict(parts)
        used = {id(line) for _, part_lines in parts for line in part_lines}
        free += content.text + [line for line in content.own if id(line) not in used]
    return graphics, free


def _choose_candidates(lines: Sequence[TextLine], blocks: Sequence[LayoutBlock]) -> list[LayoutBlock]:
    """Blocks of graphics with a sufficient score, the surest of overlapping ones."""
    chosen: list[LayoutBlock] = []
    for block in blocks:
        is_sure = block.score >= GRAPHIC_MIN_SCORES.get(block.label, 2.0)
        if is_sure and not any(_is_covered_by(block, other) for other in chosen) and not _is_inside_line(block, lines):
            chosen.append(block)
    return join_halves(chosen, lines)


def _add_aligned_tables(lines: Sequence[TextLine], chosen: Sequence[LayoutBlock]) -> list[LayoutBlock]:
    """The blocks with the tables that the model did not see, or took for a figure of the same extent."""
    blocks = list(chosen)
    if not any(block.label == "table" for block in blocks) and is_table_page(lines) and not _are_boxes(lines):
        return [LayoutBlock("table", enclosing_box([line.box for line in lines]), ALIGNED_SCORE)]
    seen = [block.box for block in blocks if block.label == "table" and not is_half(block, lines)]
    free = [line for line in lines if all(contained_share(line.box, box) < IN_GRAPHIC for box in seen)]
    for box in find_aligned_tables(free):
        overlapping = [block for block in blocks if intersection_area(box, block.box) > OVERLAP * box_area(box)]
        shares = [intersection_area(box, block.box) / box_area(block.box) for block in overlapping]
        is_figure = any(block.score >= SURE_FIGURE for block in overlapping)
        if not is_figure and all(share > SAME_EXTENT for share in shares):
            blocks = [block for block in blocks if block not in overlapping]
            blocks.append(LayoutBlock("table", box, ALIGNED_SCORE))
    return blocks


def _are_boxes(lines: Sequence[TextLine]) -> bool:
    """Whether the lines are boxes side by side under larger headings, as on a slide."""
    return bool(find_box_rows([BoxPart(line.box, line.height, is_item(line.text)) for line in lines]))


def _is_covered_by(block: LayoutBlock, other: LayoutBlock) -> bool:
    """Whether the other block, whose score is higher, already covers this one."""
    return contained_share(block.box, other.box) > 0.7 or intersection_over_union(block.box, other.box) > 0.5


def _is_inside_line(block: LayoutBlock, lines: Sequence[TextLine]) -> bool:
    """Whether a figure or table is only a letter or a word."""
    return block.label != "formula" and any(contained_share(block.box, line.box) > IN_LINE for line in lines)


def _is_text_figure(block: LayoutBlock, inside: Sequence[TextLine], lines: Sequence[TextLine]) -> bool:
    """Whether a figure is really text: a dense block, or all text of a page such as a receipt or a screenshot."""
    if block.label != "figure" or not inside:
        return False
    density = sum(box_area(line.box) for line in inside) / box_area(block.box)
    if density <= SPARSE or density > DENSE:
        return density > DENSE
    is_page = box_area(block.box) > 0.6 * box_area(enclosing_box([line.box for line in lines]))
    return is_page and len(inside) > MOST * len(lines)


def _assign_lines(
    lines: Sequence[TextLine], graphics: Sequence[LayoutBlock]
) -> dict[LayoutBlock | None, list[TextLine]]:
    """The lines of each graphic, and under None those of no graphic."""
    assigned: dict[LayoutBlock | None, list[TextLine]] = {}
    for line in lines:
        shares = [contained_share(line.box, block.box) for block in graphics]
        best = int(np.argmax(shares)) if shares else 0
        owner = graphics[best] if shares and shares[best] >= IN_GRAPHIC else None
        assigned.setdefault(owner, []).append(line)
    return assigned


def _divide_content(block: LayoutBlock, lines: Sequence[TextLine]) -> _BlockContent:
    """Decide which lines are text: of a table all or none, of a figure the columns of running text."""
    if block.label == "formula":
        text = [line for line in lines if is_prose(line.text) or is_equation_number(line.text)]
        return _BlockContent(_without(lines, text), text)
    if block.label == "table" and not _is_one_column(lines):
        notes = find_notes_below(lines)
        return _BlockContent(_without(lines, notes), notes)
    rows = build_rows(lines, [])
    columns = chain_rows(rows)
    running = _select_running(columns, rows)
    if block.label == "table" and running:  # a single column with running text is text as a whole
        return _BlockContent([], list(lines), _total_area(columns))
    if block.label == "table":
        return _BlockContent(list(lines), [])
    text = [line for column in running for row in column for line in row.lines]
    return _BlockContent(_without(lines, text), text, _total_area(running))


def _total_area(columns: Sequence[Sequence[TextRow]]) -> float:
    return sum(box_area(enclosing_box(row.box for row in column)) for column in columns)


def _without(lines: Sequence[TextLine], removed: Sequence[TextLine]) -> list[TextLine]:
    removed_ids = {id(line) for line in removed}
    return [line for line in lines if id(line) not in removed_ids]


def _is_one_column(lines: Sequence[TextLine]) -> bool:
    """Whether no row has a gap in it."""
    return all(len(row) == 1 for row in group_into_rows(split_into_tokens(lines)))


def _select_running(columns: Sequence[list[TextRow]], rows: Sequence[TextRow]) -> list[list[TextRow]]:
    """The columns of running text: they have at least two full rows. A row level with a short one is a table's cell."""
    is_long = np.array([display_width(row.text) >= FULL_ROW for row in rows], np.bool_)
    is_full = is_long & ~(find_level_rows(rows) & ~is_long).any(axis=1)
    full = {id(row) for row, chosen in zip(rows, is_full, strict=True) if chosen}
    running = []
    for column in columns:
        width = box_width(enclosing_box(row.box for row in column))
        if sum(id(row) in full and box_width(row.box) > WIDE_ROW * width for row in column) >= 2:
            running.append(column)
    return running


def _remove_text(block: LayoutBlock, content: _BlockContent) -> list[tuple[LayoutBlock, list[TextLine]]]:
    """The rest of a block without its text: nothing, the block around its own lines, or the formulas in it."""
    if block.label != "formula" and content.text_area > RUNNING_TEXT * box_area(block.box):
        return []
    if block.label == "table" and content.text:
        bottom = min(line.box[1] for line in content.text)
        block = replace(block, box=(*block.box[:3], max(bottom, block.box[1] + 1)))
    if block.label != "formula" or not content.text:
        extended = replace(block, box=enclosing_box([block.box, *(line.box for line in content.own)]))
        return [(extended, content.own)]
    numbers = [line for line in content.text if is_equation_number(line.text)]
    right = min([block.box[2], *(line.box[0] for line in numbers)])
    trimmed = replace(block, box=(block.box[0], block.box[1], max(right, block.box[0] + 1), block.box[3]))
    return _split_formula(trimmed, content.own, _without(content.text, numbers))


def _split_formula(
    block: LayoutBlock, own: list[TextLine], text: Sequence[TextLine]
) -> list[tuple[LayoutBlock, list[TextLine]]]:
    """Cut the block at its lines of text into stripes; stripes without formula lines are dropped."""
    if not text:
        inside = [line for line in own if block.box[1] < box_centre(line.box)[1] < block.box[3]]
        return [(replace(block, box=enclosing_box([block.box, *(line.box for line in inside)])), inside)]
    spans = [(line.box[1], line.box[3]) for line in sorted(text, key=lambda line: line.box[1])]
    tops = [block.box[1], *(bottom for _, bottom in spans)]
    bottoms = [*(top for top, _ in spans), block.box[3]]
    formulas = []
    for top, bottom in zip(tops, bottoms, strict=True):
        inside = [line for line in own if top < box_centre(line.box)[1] < bottom]
        if inside:
            left, y0, right, y1 = enclosing_box(line.box for line in inside)
            formulas.append((replace(block, box=(left, min(top, y0), right, max(bottom, y1))), inside))
    return formulas
