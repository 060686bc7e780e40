"""Mends the blocks of tables as the layout model draws them: halves of a table, and tables without their heads."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from pipelines.boxes import (
    Box,
    box_area,
    box_height,
    box_width,
    contained_share,
    enclosing_box,
    horizontal_overlap,
    is_on_same_line,
    vertical_overlap,
)
from pipelines.documents.stages import LayoutBlock, TextLine
from pipelines.documents.tables.alignment import is_running
from pipelines.documents.tables.tokens import group_into_rows, split_into_tokens

HALF_OVERLAP = 0.1  # of the narrower table's width from which two that are EQUALLY_HIGH are one
EQUALLY_HIGH = 0.8
INSIDE = 0.6  # share of a line in a block, or of a block in another, from which it belongs to it
PART = 0.4  # share of a table's area that another in it takes, at least, if they are one: a page may have small tables
PROSE = 0.15  # share of a block's lines that are running text, from which it is no half of a table
LEVEL_ROWS = 0.4  # share of a block's rows beside which other text stands, at least, if it is half of a table
FEWEST_ROWS = 3
MOST_HEADS = 2  # rows of a head that a block may lack
NEAR = 1.2  # white above such a row, in line heights, at most


def join_halves(blocks: Sequence[LayoutBlock], lines: Sequence[TextLine]) -> list[LayoutBlock]:
    """The blocks, with tables that overlap side by side and are equally high as one: the model saw columns of it.

    Columns of running text, which it may take for tables, stay apart."""
    joined: list[LayoutBlock] = []
    prose = [block for block in blocks if block.label == "table" and _holds_prose(block, lines)]
    for block in blocks:
        while other := next(
            (one for one in joined if block not in prose and one not in prose and _are_one_table(block, one)), None
        ):
            joined.remove(other)
            block = replace(other, box=enclosing_box([block.box, other.box]), score=max(block.score, other.score))
        joined.append(block)
    return joined


def _are_one_table(one: LayoutBlock, other: LayoutBlock) -> bool:
    if not one.label == other.label == "table":
        return False
    height = max(one.box[3], other.box[3]) - min(one.box[1], other.box[1])
    narrower = min(box_width(one.box), box_width(other.box))
    is_beside = horizontal_overlap(one.box, other.box) > HALF_OVERLAP * narrower
    are_halves = is_beside and vertical_overlap(one.box, other.box) > EQUALLY_HIGH * height
    areas = sorted((box_area(one.box), box_area(other.box)))
    is_part = max(contained_share(one.box, other.box), contained_share(other.box, one.box)) > INSIDE
    return are_halves or (is_part and areas[0] > PART * areas[1])


def _holds_prose(block: LayoutBlock, lines: Sequence[TextLine]) -> bool:
    inside = [line for line in lines if contained_share(line.box, block.box) >= INSIDE]
    return sum(map(_is_running, inside)) > PROSE * len(inside)


def is_half(block: LayoutBlock, lines: Sequence[TextLine]) -> bool:
    """Whether other text stands beside many of the table's rows: the model may have overlooked its other columns."""
    inside = [line for line in lines if contained_share(line.box, block.box) >= INSIDE]
    rows = group_into_rows(split_into_tokens(inside))
    beside = [line for line in lines if contained_share(line.box, block.box) < INSIDE and not _is_running(line)]
    boxes = [enclosing_box(token.box for token in row) for row in rows]
    level = [any(is_on_same_line(box, line.box) for line in beside) for box in boxes]
    return len(rows) >= FEWEST_ROWS and sum(level) >= LEVEL_ROWS * len(rows)


def _is_running(line: TextLine) -> bool:
    return any(map(is_running, split_into_tokens([line])))


def reach_heads(block: LayoutBlock, lines: Sequence[TextLine], others: Sequence[LayoutBlock]) -> LayoutBlock:
    """The table with the names over several of its columns that stand just above it, side by side, unless they belong
    to one of the `others`."""
    if block.label != "table":
        return block
    taken = [one.box for one in others if one is not block]
    for _ in range(MOST_HEADS):
        row = _find_row_above(block.box, [line for line in lines if not _is_in(line, taken)])
        if len(row) < 2:
            break
        block = replace(block, box=enclosing_box([block.box, *row]))
    return block


def _is_in(line: TextLine, boxes: Sequence[Box]) -> bool:
    return any(contained_share(line.box, box) >= INSIDE for box in boxes)


def _find_row_above(table: Box, lines: Sequence[TextLine]) -> list[Box]:
    """The boxes of the texts side by side just above the table and within its width; none if one is a sentence."""
    above = [line for line in lines if line.box[1] + line.box[3] < 2 * table[1]]
    tokens = [token for line in above for token in split_into_tokens([line])]
    near = [token for token in tokens if table[1] - token.box[3] < NEAR * box_height(token.box)]
    if not near:
        return []
    row = group_into_rows(near)[-1]
    height = median(box_height(token.box) for token in row)
    is_within = all(table[0] - height < token.box[0] and token.box[2] < table[2] + height for token in row)
    return [token.box for token in row] if is_within and not any(map(is_running, row)) else []
