"""Lines of text as rows: what stands side by side on one baseline and belongs together."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median

import numpy as np

from pipelines.documents.boxes import area, in_a_row, share, union, width
from pipelines.documents.stages import Block, TextLine, TextWord
from pipelines.documents.structure.text_patterns import is_equation_number
from pipelines.documents.types import Box, Label

# Two lines of one row, in row heights: as far apart as this where the same block holds both, else nearer, for the
# gap between two columns can be as small as two heights.
GAP_IN_BLOCK, GAP_ELSEWHERE = 3.0, 0.8
IN_BLOCK = 0.5  # of a line's area


@dataclass(frozen=True)
class Row:
    """`block` is the proposal that holds it, if any; `ink` how dark it is next to the page's other text (bold: 1.3)."""

    lines: tuple[TextLine, ...]
    block: Block | None = None
    ink: float = field(default=1.0, compare=False)

    @cached_property
    def box(self) -> Box:
        return union(line.box for line in self.lines)

    @cached_property
    def height(self) -> float:
        return max(1.0, median(line.height for line in self.lines))

    @cached_property
    def text(self) -> str:
        return " ".join(line.text for line in self.lines)

    @property
    def label(self) -> Label | None:
        return self.block.label if self.block else None

    @cached_property
    def size(self) -> float:
        """Mean advance of a character in pixels, wide ones counted twice: steadier than the height of a box."""
        count = sum(columns(line.text) for line in self.lines)
        return sum(width(line.box) for line in self.lines) / max(1, count)

    @property
    def first_word(self) -> float:
        """Width of its first word, in pixels."""
        line = self.lines[0]
        if line.words:
            return width(line.words[0].box)
        return width(line.box) * len((line.text.split() or [""])[0]) / max(1, len(line.text))


def columns(text: str) -> int:
    """Characters, East Asian wide ones counted twice."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def rows_of(lines: Sequence[TextLine], blocks: Sequence[Block]) -> list[Row]:
    """Every line in exactly one row; top to bottom."""
    rows: list[Row] = []
    bands: dict[int, list[int]] = defaultdict(list)  # indices of rows by where they are, so that few are looked at
    tall = 2 * median([line.height for line in lines] or [1.0]) or 1.0
    for line in sorted(lines, key=lambda one: one.box[0]):
        piece = Row((line,), holder(line.box, blocks))
        places = range(int(piece.box[1] // tall), int(piece.box[3] // tall) + 1)
        near = sorted({index for place in places for index in bands[place]})
        at = _left_neighbour(piece, [rows[index] for index in near])
        if at is None:
            rows.append(piece)
        else:
            rows[near[at]] = Row((*rows[near[at]].lines, line), rows[near[at]].block)
        for place in places:
            bands[place].append(len(rows) - 1 if at is None else near[at])
    return sorted(rows, key=lambda row: (row.box[1], row.box[0]))


def holder(box: Box, blocks: Iterable[Block]) -> Block | None:
    """The block that holds most of the box; of several that do, the surer one, of a nested pair the inner one."""
    best, best_worth = None, 0.0
    for block in blocks:
        inside = share(box, block.box)
        if inside >= IN_BLOCK:
            worth = inside * block.score**0.5 * (1 + 0.2 / (1 + area(block.box) / max(1.0, area(box))))
            if worth > best_worth:
                best, best_worth = block, worth
    return best


def _left_neighbour(piece: Row, rows: Sequence[Row]) -> int | None:
    """Index of the row that this piece continues."""
    best, best_gap = None, float("inf")
    for index, row in enumerate(rows):
        gap = piece.box[0] - row.box[2]
        limit = _reach(row, piece)
        may_join = row.block is piece.block or row.block is None or piece.block is None
        tall = min(row.height, piece.height)
        if may_join and in_a_row(row.box, piece.box) and -tall <= gap <= min(limit * tall, best_gap):
            best, best_gap = index, gap
    return best


def _reach(row: Row, piece: Row) -> float:
    """How far the next piece of a row may be, in heights; after leaders as far as it has to."""
    if row.block is not piece.block or row.block is None:
        return GAP_ELSEWHERE
    is_led = len(piece.text) <= 5 and any(character.isdigit() for character in piece.text)
    return float("inf") if is_led or row.text.endswith(("..", "…", "· ·", ". .")) else GAP_IN_BLOCK


def parted(lines: Sequence[TextLine], blocks: Sequence[Block]) -> list[TextLine]:
    """Lines that the reader drew across the gutter between two blocks, or a formula and its number, cut there."""
    return [part for line in lines for part in _parts(line, blocks)]


def _parts(line: TextLine, blocks: Sequence[Block]) -> list[TextLine]:
    for at in range(1, len(line.words)):
        left, right = line.words[at - 1], line.words[at]
        if right.box[0] - left.box[2] > GAP_ELSEWHERE * line.height:
            holders = holder(left.box, blocks), holder(right.box, blocks)
            is_numbered = at == len(line.words) - 1 and is_equation_number(right.text)
            if is_numbered or (None not in holders and holders[0] is not holders[1]):
                return [_part(line, line.words[:at]), *_parts(_part(line, line.words[at:]), blocks)]
    return [line]


def _part(line: TextLine, words: Sequence[TextWord]) -> TextLine:
    x0, y0, x1, y1 = union(word.box for word in words)
    quad = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
    return TextLine(joined(words, line.text), quad, line.score, tuple(words))


def joined(words: Sequence[TextWord], text: str) -> str:
    """With spaces only where `text`, which they come from, has some: East Asian words have none between them."""
    found, at = words[0].text, text.find(words[0].text) + len(words[0].text)
    for word in words[1:]:
        begin = text.find(word.text, at)
        found += (" " if begin < 0 or begin > at else "") + word.text
        at = max(at, begin) + len(word.text)
    return found


def gap_between(upper: Row, lower: Row) -> float:
    """Pixels of white between two rows, negative where their boxes overlap."""
    return lower.box[1] - upper.box[3]
