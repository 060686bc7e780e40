"""Joins lines that stand side by side on one baseline and belong together into rows."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median

import numpy as np

from pipelines.boxes import Box, box_area, box_width, contained_share, enclosing_box, is_on_same_line
from pipelines.documents.stages import LayoutBlock, TextLine, TextWord
from pipelines.documents.structure.text_patterns import is_equation_number
from pipelines.documents.types import RegionLabel

# Widest gap between two lines of one row, in row heights: within one layout block, and elsewhere. The gap between two
# columns can be as narrow as two heights.
GAP_IN_BLOCK, GAP_ELSEWHERE = 3.0, 0.8
IN_BLOCK = 0.5  # share of a line's area that must lie in a block


@dataclass(frozen=True)
class TextRow:
    """`block` is the layout block that contains it, if any; `ink` its darkness relative to other text (bold: 1.3)."""

    lines: tuple[TextLine, ...]
    block: LayoutBlock | None = None
    ink: float = field(default=1.0, compare=False)

    @cached_property
    def box(self) -> Box:
        return enclosing_box(line.box for line in self.lines)

    @cached_property
    def height(self) -> float:
        return max(1.0, median(line.height for line in self.lines))

    @cached_property
    def text(self) -> str:
        return " ".join(line.text for line in self.lines)

    @property
    def label(self) -> RegionLabel | None:
        return self.block.label if self.block else None

    @cached_property
    def advance(self) -> float:
        """Mean width of a character in pixels, wide ones counted twice: steadier than the height of a box."""
        count = sum(display_width(line.text) for line in self.lines)
        return sum(box_width(line.box) for line in self.lines) / max(1, count)

    @property
    def first_word_width(self) -> float:
        """In pixels; estimated where the line has no words."""
        line = self.lines[0]
        if line.words:
            return box_width(line.words[0].box)
        return box_width(line.box) * len((line.text.split() or [""])[0]) / max(1, len(line.text))


def display_width(text: str) -> int:
    """Number of characters, East Asian wide ones counted twice."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def build_rows(lines: Sequence[TextLine], blocks: Sequence[LayoutBlock]) -> list[TextRow]:
    """Put every line into exactly one row; top to bottom."""
    rows: list[TextRow] = []
    bands: dict[int, list[int]] = defaultdict(list)  # indices of the rows that reach into a band of the page
    band_height = 2 * median([line.height for line in lines] or [1.0]) or 1.0
    for line in sorted(lines, key=lambda line: line.box[0]):
        new = TextRow((line,), find_containing_block(line.box, blocks))
        touched = range(int(new.box[1] // band_height), int(new.box[3] // band_height) + 1)
        near = sorted({index for band in touched for index in bands[band]})
        match = _find_left_neighbour(new, [rows[index] for index in near])
        if match is None:
            at = len(rows)
            rows.append(new)
        else:
            at = near[match]
            rows[at] = TextRow((*rows[at].lines, line), rows[at].block)
        for band in touched:
            bands[band].append(at)
    return sorted(rows, key=lambda row: (row.box[1], row.box[0]))


def find_containing_block(box: Box, blocks: Iterable[LayoutBlock]) -> LayoutBlock | None:
    """The block that contains most of the box; of several, the one with the higher score or, if nested, the inner."""
    best, best_rank = None, 0.0
    for block in blocks:
        inside = contained_share(box, block.box)
        if inside >= IN_BLOCK:
            times_larger = box_area(block.box) / max(1.0, box_area(box))
            rank = inside * block.score**0.5 * (1 + 0.2 / (1 + times_larger))
            if rank > best_rank:
                best, best_rank = block, rank
    return best


def _find_left_neighbour(new: TextRow, rows: Sequence[TextRow]) -> int | None:
    """Index of the nearest row to its left that `new` continues."""
    best, best_gap = None, float("inf")
    for index, row in enumerate(rows):
        gap = new.box[0] - row.box[2]
        may_join = row.block is new.block or row.block is None or new.block is None
        row_height = min(row.height, new.height)
        is_within_reach = -row_height <= gap <= min(_max_gap(row, new) * row_height, best_gap)
        if may_join and is_on_same_line(row.box, new.box) and is_within_reach:
            best, best_gap = index, gap
    return best


def _max_gap(row: TextRow, new: TextRow) -> float:
    """Widest gap up to the next line of a row, in row heights; infinite after leaders, as in a table of contents."""
    if row.block is not new.block or row.block is None:
        return GAP_ELSEWHERE
    is_number = len(new.text) <= 5 and any(character.isdigit() for character in new.text)
    return float("inf") if is_number or row.text.endswith(("..", "…", "· ·", ". .")) else GAP_IN_BLOCK


def split_at_gutters(lines: Sequence[TextLine], blocks: Sequence[LayoutBlock]) -> list[TextLine]:
    """Cut lines that run across the gutter between two blocks, or through a formula and its number."""
    return [part for line in lines for part in _split_line(line, blocks)]


def _split_line(line: TextLine, blocks: Sequence[LayoutBlock]) -> list[TextLine]:
    for at in range(1, len(line.words)):
        left, right = line.words[at - 1], line.words[at]
        if right.box[0] - left.box[2] > GAP_ELSEWHERE * line.height:
            left_block, right_block = (find_containing_block(word.box, blocks) for word in (left, right))
            is_numbered = at == len(line.words) - 1 and is_equation_number(right.text)
            is_gutter = left_block is not None and right_block is not None and left_block is not right_block
            if is_numbered or is_gutter:
                return [cut_line(line, line.words[:at]), *_split_line(cut_line(line, line.words[at:]), blocks)]
    return [line]


def cut_line(line: TextLine, words: Sequence[TextWord]) -> TextLine:
    """The part of a line that these of its words make."""
    x0, y0, x1, y1 = enclosing_box(word.box for word in words)
    quad = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
    return TextLine(join_words(words, line.text), quad, line.score, tuple(words))


def join_words(words: Sequence[TextWord], text: str) -> str:
    """Join words with spaces only where `text`, their source, has some: East Asian words have none between them."""
    joined, at = words[0].text, text.find(words[0].text) + len(words[0].text)
    for word in words[1:]:
        begin = text.find(word.text, at)
        joined += (" " if begin < 0 or begin > at else "") + word.text
        at = max(at, begin) + len(word.text)
    return joined


def gap_between(upper: TextRow, lower: TextRow) -> float:
    """Pixels of white between two rows, negative where their boxes overlap."""
    return lower.box[1] - upper.box[3]
