"""Rows of text to paragraphs: rows that follow each other in a column, cut where a paragraph ends.

What ends a paragraph, as a reader sees it: white above, an indented first line, a line that stopped although the next
word would have fitted, a bullet or number, another size, another kind of block.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from pipelines.documents.boxes import centre, union, width
from pipelines.documents.stages import TextLine
from pipelines.documents.structure.rows import Row, columns, gap_between
from pipelines.documents.structure.text_patterns import is_formula, is_item
from pipelines.documents.types import Box, Label

# In row heights.
INDENT = 0.7
LOOSE = 0.4  # white above beyond what the column has between its lines
FARTHEST = 2.2  # white between two rows of one paragraph, however loosely set
REACH = 4  # rows before and after that tell where the right margin is

OTHER_SIZE = 1.45  # heights in a paragraph differ by less: boxes of rows without descenders are lower
OTHER_ADVANCE = 1.25  # the same of characters' widths
VERSE = 0.6  # of a text's lines that stop early, for it not to be paragraphs
STEP = 0.2  # of the width of a column that it changes by
OPEN = 1.0  # white between two rows of a form, at least
LEVEL = 0.25  # how far apart the middles of two rows on one baseline are at most
SHARED = 0.3  # of the narrower row, for two rows to be in one column


@dataclass(frozen=True)
class Paragraph:
    rows: tuple[Row, ...]
    label: Label = "text"
    score: float = 0.5

    @cached_property
    def box(self) -> Box:
        return union(row.box for row in self.rows)

    @cached_property
    def height(self) -> float:
        return median(row.height for row in self.rows)

    @cached_property
    def size(self) -> float:
        """Of its characters; longer rows tell more."""
        return sum(row.size * width(row.box) for row in self.rows) / max(1e-9, sum(width(row.box) for row in self.rows))

    @cached_property
    def ink(self) -> float:
        return median(row.ink for row in self.rows)

    @property
    def text(self) -> str:
        return "\n".join(row.text for row in self.rows)

    @property
    def lines(self) -> list[TextLine]:
        return [line for row in self.rows for line in row.lines]

    def named(self, label: Label, score: float) -> "Paragraph":
        return replace(self, label=label, score=score)


def paragraphs_of(rows: Sequence[Row]) -> list[Paragraph]:
    """Every row in exactly one paragraph."""
    return [Paragraph(tuple(part)) for chain in chains(rows) for part in _parts(chain)]


def chains(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows that are each other's nearest in a column, near enough and alike enough to be one text."""
    below = dict(_neighbours(rows))
    usual = _usual_gap(rows, list(below.items()))
    level = _level(rows)
    linked = {
        upper: lower
        for upper, lower in below.items()
        if _is_one_text(rows[upper], rows[lower], usual)
        and not (level[upper] and level[lower] and _are_of_a_form(rows[upper], rows[lower]))
    }
    found, inner = [], set(linked.values())
    for index in range(len(rows)):
        if index not in inner:
            chain = [index]
            while chain[-1] in linked:
                chain.append(linked[chain[-1]])
            found.append([rows[one] for one in chain])
    return found


def _neighbours(rows: Sequence[Row]) -> list[tuple[int, int]]:
    """Pairs of indices, each the other's nearest above and below in the column that they share."""
    if not rows:
        return []
    x0, y0, x1, y1 = np.array([row.box for row in rows]).T
    wide = np.minimum(x1[:, None], x1) - np.maximum(x0[:, None], x0)
    tall = np.minimum(y1[:, None], y1) - np.maximum(y0[:, None], y0)
    shared = wide > SHARED * np.minimum((x1 - x0)[:, None], x1 - x0)
    is_over = shared & (tall < 0.5 * np.minimum((y1 - y0)[:, None], y1 - y0)) & (y0[:, None] < y0)
    below = np.where(is_over, y0[None, :], np.inf).argmin(axis=1)
    above = np.where(is_over, y1[:, None], -np.inf).argmax(axis=0)
    return [(one, int(two)) for one, two in enumerate(below) if is_over[one, two] and above[two] == one]


def _level(rows: Sequence[Row]) -> NDArray[np.bool_]:
    """Which rows have another one on their baseline."""
    if not rows:
        return np.zeros(0, np.bool_)
    x0, y0, x1, y1 = np.array([row.box for row in rows]).T
    middle, tall = (y0 + y1) / 2, y1 - y0
    is_beside = (x0[:, None] > x1) | (x1[:, None] < x0)
    is_level = np.abs(middle[:, None] - middle) < LEVEL * np.minimum(tall[:, None], tall)
    found: NDArray[np.bool_] = (is_beside & is_level).any(axis=1)
    return found


def _usual_gap(rows: Sequence[Row], pairs: Sequence[tuple[int, int]]) -> float:
    """White between two lines of running text, in their heights, as most of the page has it."""
    gaps = []
    for one, two in pairs:
        upper, lower = rows[one], rows[two]
        tall = min(upper.height, lower.height)
        if abs(upper.box[0] - lower.box[0]) < tall and gap_between(upper, lower) < FARTHEST * tall:
            gaps.append(gap_between(upper, lower) / tall)
    return median(gaps) if gaps else 0.3


def _is_one_text(upper: Row, lower: Row, usual: float) -> bool:
    small, large = sorted((upper.height, lower.height))
    is_near = gap_between(upper, lower) <= min(FARTHEST, max(0.0, usual) + 2 * LOOSE) * small
    is_alike = large <= OTHER_SIZE * small
    if is_formula(upper.text) != is_formula(lower.text) and abs(upper.box[0] - lower.box[0]) > small:
        return False
    if upper.block is lower.block is not None:
        return is_near and is_alike
    is_contrary = upper.block is not None and lower.block is not None and upper.label != lower.label
    is_aligned = abs(upper.box[0] - lower.box[0]) <= 4 * small
    is_centred = abs(centre(upper.box)[0] - centre(lower.box)[0]) <= small
    is_alike = is_alike and _is_same_size(upper, lower)
    return is_near and is_alike and not is_contrary and (is_aligned or is_centred)


def _are_of_a_form(upper: Row, lower: Row) -> bool:
    """Whether the white between two rows, each level with others, is that between entries of a form."""
    return gap_between(upper, lower) > OPEN * min(upper.height, lower.height)


def _is_same_size(one: Row, other: Row) -> bool:
    """By the advance of characters, where both have enough of them to tell."""
    if min(columns(one.text), columns(other.text)) < 20:
        return True
    small, large = sorted((one.size, other.size))
    return large <= OTHER_ADVANCE * small


def _parts(chain: Sequence[Row]) -> list[list[Row]]:
    """The chain, cut where a paragraph begins."""
    tall = median(row.height for row in chain)
    usual = median([gap_between(*pair) for pair in pairwise(chain)] or [0.0])
    stops = [_stopped(chain, index, tall) for index in range(1, len(chain))]
    is_verse = len(chain) > 2 and sum(stops) > VERSE * len(stops)  # lines end where the writer wanted
    is_plain = is_verse or any(row.label == "title" for row in chain) or _is_centred(chain, tall)
    parts = [[chain[0]]]
    for index in range(1, len(chain)):
        row, last = chain[index], chain[index - 1]
        is_new = gap_between(last, row) > usual + LOOSE * tall or is_item(row.text) or _is_reshaped(chain, index, tall)
        if not is_plain:
            is_new = is_new or stops[index - 1] or _is_indented(chain, index, tall, len(parts[-1]))
        if is_new:
            parts.append([row])
        else:
            parts[-1].append(row)
    return parts


def _is_centred(chain: Sequence[Row], tall: float) -> bool:
    """Rows about one axis whose left edges differ."""
    axes = [centre(row.box)[0] for row in chain]
    lefts = [row.box[0] for row in chain]
    return max(axes) - min(axes) <= tall and max(lefts) - min(lefts) > tall


def _stopped(chain: Sequence[Row], index: int, tall: float) -> bool:
    """Whether the row before ended although the next word would have fitted."""
    last = chain[index - 1]
    if last.text.endswith(("-", "‐", "\u00ad")):
        return False
    before, after = (max(row.box[2] for row in part) for part in _around(chain, index))
    right = after if index == 1 else min(before, after)  # margins change where text runs around a figure
    return right - last.box[2] > chain[index].first_word + tall


def _around(chain: Sequence[Row], index: int) -> tuple[Sequence[Row], Sequence[Row]]:
    return chain[max(0, index - REACH) : index], chain[index : index + REACH]


def _is_reshaped(chain: Sequence[Row], index: int, tall: float) -> bool:
    """Whether the column changes its width here, as where it runs around a figure: two rows of each tell."""
    if not 2 <= index <= len(chain) - 2:
        return False
    upper, lower = chain[index - 2 : index], chain[index : index + 2]
    for side in (0, 2):
        one, other = ([row.box[side] for row in rows] for rows in (upper, lower))
        step = abs(one[0] - other[0])
        is_even = abs(one[0] - one[1]) < tall / 2 and abs(other[0] - other[1]) < tall / 2
        if is_even and step > STEP * max(width(upper[0].box), width(lower[0].box)):
            return True
    return False


def _is_indented(chain: Sequence[Row], index: int, tall: float, depth: int) -> bool:
    """Whether it is set in against its neighbours, or ends a hanging indent. `depth`: rows of the paragraph so far."""
    row, last = chain[index], chain[index - 1]
    step = row.box[0] - last.box[0]
    following = chain[index + 1].box[0] if index + 1 < len(chain) else last.box[0]
    if step > INDENT * tall:
        return row.box[0] - following > INDENT * tall
    return step < -INDENT * tall and depth > 1
