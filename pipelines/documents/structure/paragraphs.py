"""Groups rows of text into paragraphs: chains of rows in a column, cut where a paragraph ends.

The signs of a new paragraph are those that a human reader uses: white above, an indented first line, a previous line
that ended although the next word would have fitted, a bullet or number, another size, another label of layout block.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from pipelines.boxes import Box, box_centre, box_width, enclosing_box
from pipelines.documents.stages import TextLine
from pipelines.documents.structure.rows import TextRow, display_width, gap_between
from pipelines.documents.structure.text_patterns import is_formula, is_item
from pipelines.documents.types import RegionLabel

# In row heights.
INDENT = 0.7
EXTRA_WHITE = 0.4  # white above, beyond the column's usual gap, that begins a paragraph
MAX_ROW_GAP = 2.2  # white between two rows of one paragraph, at most
FORM_GAP = 1.0  # white between two rows of a form, at least
LEVEL = 0.25  # distance between the middles of two rows on one baseline, at most

MARGIN_ROWS = 4  # rows before and after that show where the right margin is
HEIGHT_RATIO = 1.45  # of two rows' heights, at most: boxes of rows without descenders are lower
ADVANCE_RATIO = 1.25  # the same of characters' widths
VERSE = 0.6  # share of lines that end early which makes a text verse, not paragraphs
WIDTH_STEP = 0.2  # change of a column's left or right edge, relative to its width, that begins a paragraph
SHARED = 0.3  # overlap that puts two rows into one column, relative to the narrower one


@dataclass(frozen=True)
class Paragraph:
    """`code` is the text of a listing, with its line ends and indents."""

    rows: tuple[TextRow, ...]
    label: RegionLabel = "text"
    score: float = 0.5
    code: str | None = None

    @cached_property
    def box(self) -> Box:
        return enclosing_box(row.box for row in self.rows)

    @cached_property
    def height(self) -> float:
        return median(row.height for row in self.rows)

    @cached_property
    def advance(self) -> float:
        """Mean width of a character in pixels; longer rows have more weight."""
        return sum(row.advance * box_width(row.box) for row in self.rows) / max(
            1e-9, sum(box_width(row.box) for row in self.rows)
        )

    @cached_property
    def ink(self) -> float:
        return median(row.ink for row in self.rows)

    @property
    def text(self) -> str:
        return "\n".join(row.text for row in self.rows)

    @property
    def lines(self) -> list[TextLine]:
        return [line for row in self.rows for line in row.lines]

    def with_label(self, label: RegionLabel, score: float) -> "Paragraph":
        return replace(self, label=label, score=score)


def build_paragraphs(rows: Sequence[TextRow]) -> list[Paragraph]:
    """Put every row into exactly one paragraph."""
    return [Paragraph(tuple(part)) for chain in chain_rows(rows) for part in _split_chain(chain)]


def chain_rows(rows: Sequence[TextRow]) -> list[list[TextRow]]:
    """Chain rows that are each other's nearest in a column, and near and alike enough to be one text."""
    neighbours = _find_neighbours(rows)
    usual_gap = _find_usual_gap(rows, neighbours)
    is_level = [levels.any() for levels in find_level_rows(rows)]
    next_row = {
        upper: lower
        for upper, lower in neighbours
        if _belong_together(rows[upper], rows[lower], usual_gap)
        and not (is_level[upper] and is_level[lower] and _is_form_gap(rows[upper], rows[lower]))
    }
    chains, continuing = [], set(next_row.values())
    for index in range(len(rows)):
        if index not in continuing:
            chain = [index]
            while chain[-1] in next_row:
                chain.append(next_row[chain[-1]])
            chains.append([rows[at] for at in chain])
    return chains


def _find_neighbours(rows: Sequence[TextRow]) -> list[tuple[int, int]]:
    """Pairs of row indices, upper and lower: each is the other's nearest in the column that they share."""
    if not rows:
        return []
    x0, y0, x1, y1 = np.array([row.box for row in rows]).T
    overlap_x = np.minimum(x1[:, None], x1) - np.maximum(x0[:, None], x0)
    overlap_y = np.minimum(y1[:, None], y1) - np.maximum(y0[:, None], y0)
    is_in_column = overlap_x > SHARED * np.minimum((x1 - x0)[:, None], x1 - x0)
    is_apart = overlap_y < 0.5 * np.minimum((y1 - y0)[:, None], y1 - y0)
    is_above = is_in_column & is_apart & (y0[:, None] < y0)  # [upper, lower]
    below = np.where(is_above, y0[None, :], np.inf).argmin(axis=1)
    above = np.where(is_above, y1[:, None], -np.inf).argmax(axis=0)
    return [
        (upper, int(lower)) for upper, lower in enumerate(below) if is_above[upper, lower] and above[lower] == upper
    ]


def find_level_rows(rows: Sequence[TextRow]) -> NDArray[np.bool_]:
    """(N, N), symmetric: whether two rows stand beside each other on one baseline."""
    if not rows:
        return np.zeros((0, 0), np.bool_)
    x0, y0, x1, y1 = np.array([row.box for row in rows]).T
    middle, height = (y0 + y1) / 2, y1 - y0
    is_beside = (x0[:, None] > x1) | (x1[:, None] < x0)
    is_level = np.abs(middle[:, None] - middle) < LEVEL * np.minimum(height[:, None], height)
    are_level: NDArray[np.bool_] = is_beside & is_level
    return are_level


def _find_usual_gap(rows: Sequence[TextRow], neighbours: Sequence[tuple[int, int]]) -> float:
    """The page's median white between two lines of running text, in row heights."""
    gaps = []
    for upper, lower in ((rows[above], rows[below]) for above, below in neighbours):
        row_height = min(upper.height, lower.height)
        is_aligned = abs(upper.box[0] - lower.box[0]) < row_height
        if is_aligned and gap_between(upper, lower) < MAX_ROW_GAP * row_height:
            gaps.append(gap_between(upper, lower) / row_height)
    return median(gaps) if gaps else 0.3


def _belong_together(upper: TextRow, lower: TextRow, usual_gap: float) -> bool:
    if any(row.block is not None and row.block.stands_alone for row in (upper, lower)):
        return upper.block is lower.block
    small, large = sorted((upper.height, lower.height))
    is_near = gap_between(upper, lower) <= min(MAX_ROW_GAP, max(0.0, usual_gap) + 2 * EXTRA_WHITE) * small
    is_alike = large <= HEIGHT_RATIO * small
    if is_formula(upper.text) != is_formula(lower.text) and abs(upper.box[0] - lower.box[0]) > small:
        return False
    if upper.block is lower.block is not None:
        return is_near and is_alike
    is_contradicted = upper.block is not None and lower.block is not None and upper.label != lower.label
    is_aligned = abs(upper.box[0] - lower.box[0]) <= 4 * small
    is_centred = abs(box_centre(upper.box)[0] - box_centre(lower.box)[0]) <= small
    is_alike = is_alike and _have_same_advance(upper, lower)
    return is_near and is_alike and not is_contradicted and (is_aligned or is_centred)


def _is_form_gap(upper: TextRow, lower: TextRow) -> bool:
    """Whether the white between two rows, each level with others, is as wide as between entries of a form."""
    return gap_between(upper, lower) > FORM_GAP * min(upper.height, lower.height)


def _have_same_advance(one: TextRow, other: TextRow) -> bool:
    """Whether the characters of two rows are equally wide; rows too short to tell count as equal."""
    if min(display_width(one.text), display_width(other.text)) < 20:
        return True
    small, large = sorted((one.advance, other.advance))
    return large <= ADVANCE_RATIO * small


def _split_chain(chain: Sequence[TextRow]) -> list[list[TextRow]]:
    """Cut the chain where paragraphs begin."""
    row_height = median(row.height for row in chain)
    usual_gap = median([gap_between(*pair) for pair in pairwise(chain)] or [0.0])
    ends_early = [_ends_early(chain, index, row_height) for index in range(1, len(chain))]
    is_verse = len(chain) > 2 and sum(ends_early) > VERSE * len(ends_early)  # the writer chose where lines end
    is_plain = is_verse or any(row.label == "title" for row in chain) or _is_centred(chain, row_height)
    parts = [[chain[0]]]
    for index in range(1, len(chain)):
        row, last = chain[index], chain[index - 1]
        has_white = gap_between(last, row) > usual_gap + EXTRA_WHITE * row_height
        is_new = has_white or is_item(row.text) or _changes_width(chain, index, row_height)
        if not is_plain:
            is_new = is_new or ends_early[index - 1] or _is_indented(chain, index, row_height, len(parts[-1]))
        if is_new:
            parts.append([row])
        else:
            parts[-1].append(row)
    return parts


def _is_centred(chain: Sequence[TextRow], row_height: float) -> bool:
    """Whether the rows share one vertical axis but not a left edge."""
    axes = [box_centre(row.box)[0] for row in chain]
    lefts = [row.box[0] for row in chain]
    return max(axes) - min(axes) <= row_height and max(lefts) - min(lefts) > row_height


def _ends_early(chain: Sequence[TextRow], index: int, row_height: float) -> bool:
    """Whether the row before `index` ended although the next word would have fitted."""
    last = chain[index - 1]
    if last.text.endswith(("-", "‐", "\u00ad")):
        return False
    before, after = chain[max(0, index - MARGIN_ROWS) : index], chain[index : index + MARGIN_ROWS]
    right_before, right_after = (max(row.box[2] for row in rows) for rows in (before, after))
    # Margins change where text runs around a figure.
    margin = right_after if index == 1 else min(right_before, right_after)
    return margin - last.box[2] > chain[index].first_word_width + row_height


def _changes_width(chain: Sequence[TextRow], index: int, row_height: float) -> bool:
    """Whether the column gets wider or narrower here, as beside a figure: judged by two rows above and two below."""
    if not 2 <= index <= len(chain) - 2:
        return False
    upper, lower = chain[index - 2 : index], chain[index : index + 2]
    column_width = max(box_width(upper[0].box), box_width(lower[0].box))
    for side in (0, 2):
        above, below = ([row.box[side] for row in rows] for rows in (upper, lower))
        is_even = abs(above[0] - above[1]) < row_height / 2 and abs(below[0] - below[1]) < row_height / 2
        if is_even and abs(above[0] - below[0]) > WIDTH_STEP * column_width:
            return True
    return False


def _is_indented(chain: Sequence[TextRow], index: int, row_height: float, depth: int) -> bool:
    """Whether the row is indented, or ends a hanging indent. `depth`: rows of the paragraph so far."""
    row, last = chain[index], chain[index - 1]
    step = row.box[0] - last.box[0]
    following = chain[index + 1].box[0] if index + 1 < len(chain) else last.box[0]
    if step > INDENT * row_height:
        return row.box[0] - following > INDENT * row_height
    return step < -INDENT * row_height and depth > 1
