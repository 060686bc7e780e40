"""Joins the entries of tables of contents, menus and price lists: a title, leaders, and a number at the right.

Readers lose dots, and a text layer may have the numbers as a column of their own. So leaders are looked for in the
pixels, too. Entries without any are joined under a heading such as `Contents`, if their numbers do not fall.
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from pipelines.boxes import Box, box_height, enclosing_box, is_on_same_line
from pipelines.documents.stages import LayoutBlock, TextLine
from pipelines.documents.structure.ink import Grey
from pipelines.documents.structure.paragraphs import Paragraph
from pipelines.documents.structure.rows import TextRow, find_containing_block
from pipelines.documents.structure.text_patterns import (
    has_leader,
    is_contents_heading,
    is_equation_number,
    is_page_number,
    is_price,
)

MOST_CHARACTERS = 12  # of a number or price
FEWEST_LETTERS = 2  # of a title: two are a word in Chinese
FEWEST_WITH_LEADERS, FEWEST_WITH_INK, FEWEST_WITHOUT = 2, 3, 4  # entries on a page
WRAPPED_GAP, WRAPPED_REACH, MOST_WRAPPED = 0.9, 0.6, 3  # of a title's further lines: see `_find_wrapped`
MIN_GAP = 1.5  # line heights, between a title and its number where there are no leaders in the text
# Leaders in the pixels: at least so many marks, each no wider or higher than these shares of the line's height.
FEWEST_MARKS, MARK_WIDTH, MARK_HEIGHT = 5, 0.35, 0.35
CONTRAST = 64  # of 255, between a mark and the paper
SAME_COLUMN = 1.5  # line heights between the right edges of numbers

_Pair = tuple[TextLine, TextLine]  # a title and its number


def find_entries(
    lines: Sequence[TextLine], blocks: Sequence[LayoutBlock], grey: Grey
) -> tuple[list[Paragraph], list[TextLine]]:
    """Lists of entries, each entry a line, and the other lines."""
    pairs = [(left, right) for right in lines if (left := _find_title(right, lines)) is not None]
    whole = [line for line in lines if _is_whole_entry(line)]
    with_leaders = _select_entries(pairs, whole, grey)
    if len(with_leaders) + len(whole) < FEWEST_WITH_LEADERS:
        with_leaders, whole = [], []
    if not with_leaders and _are_contents(pairs, lines):
        with_leaders = pairs
    used = {id(line) for pair in with_leaders for line in pair} | {id(line) for line in whole}
    others = [line for line in lines if id(line) not in used]
    entries: list[list[TextLine]] = []
    for title, last in [*((pair[0], _join_lines(*pair)) for pair in with_leaders), *((line, line) for line in whole)]:
        entries.append([*_find_wrapped(title, last, others), last])
    used = {id(line) for entry in entries for line in entry}
    others = [line for line in others if id(line) not in used]
    return _group_entries(entries, blocks, others), others


def _select_entries(pairs: Sequence[_Pair], whole: Sequence[TextLine], grey: Grey) -> list[_Pair]:
    """The pairs with leaders in their text, or in the pixels of several; and others whose numbers are in line."""
    in_text = [pair for pair in pairs if has_leader(pair[0].text)]
    in_ink = [pair for pair in pairs if _has_leader_ink(grey, *pair)]
    sure = in_text + (in_ink if len({id(pair[1]) for pair in in_text + in_ink}) >= FEWEST_WITH_INK else [])
    rights = [number.box[2] for _, number in sure] + [line.box[2] for line in whole]
    if len(rights) < FEWEST_WITH_INK:
        return sure
    right, top = median(rights), min(number.box[1] for _, number in sure or pairs)
    bottom = max(number.box[3] for _, number in sure or pairs)
    names = {id(number) for _, number in sure}
    return [
        pair
        for pair in pairs
        if id(pair[1]) in names
        or (abs(pair[1].box[2] - right) < pair[1].height and top - 4 * pair[1].height <= pair[1].box[1] <= bottom)
    ]


def _find_wrapped(title: TextLine, entry: TextLine, others: Sequence[TextLine]) -> list[TextLine]:
    """The lines right above that the title continues: close, aligned, and reaching most of the way to the number."""
    wrapped: list[TextLine] = []
    x0, top, height = title.box[0], title.box[1], title.height
    reach = x0 + WRAPPED_REACH * (entry.box[2] - x0)
    for line in sorted(others, key=lambda line: -line.box[1]):
        is_close = -0.5 * height < top - line.box[3] <= WRAPPED_GAP * height
        is_aligned = abs(line.box[0] - x0) <= 3 * height and reach <= line.box[2] <= entry.box[2]
        if is_close and is_aligned and len(wrapped) < MOST_WRAPPED:
            wrapped.insert(0, line)
            top = line.box[1]
    return wrapped


def _find_title(number: TextLine, lines: Sequence[TextLine]) -> TextLine | None:
    """The line left of a number that stands last in its row; None if it is no such number."""
    if is_equation_number(number.text):
        return None
    if not (len(number.text) <= MOST_CHARACTERS and (is_price(number.text) or is_page_number(number.text))):
        return None
    level = [line for line in lines if line is not number and is_on_same_line(line.box, number.box)]
    if any(line.box[0] >= number.box[2] and not any(map(str.isalpha, line.text)) for line in level):
        return None
    before = [line for line in level if line.box[2] <= number.box[0] + 0.5 * number.height]
    title = max(before, key=lambda line: line.box[2], default=None)
    if title is None or is_contents_heading(title.text):
        return None
    return title if sum(map(str.isalpha, title.text)) >= FEWEST_LETTERS else None


def _is_whole_entry(line: TextLine) -> bool:
    """Whether the line already has its leaders and number."""
    if len(line.words) < 2 or not any(map(str.isdigit, line.words[-1].text)):
        return False
    return has_leader(line.text[: -len(line.words[-1].text)]) and line.text.endswith(line.words[-1].text)


def _has_leader_ink(grey: Grey, title: TextLine, number: TextLine) -> bool:
    x0, x1 = round(title.box[2]), round(number.box[0])
    y0, y1 = max(0, round(title.box[1])), round(title.box[3])
    height = max(1.0, title.height)
    if x1 - x0 < MIN_GAP * height:
        return False
    gap = grey[y0:y1, x0:x1]
    if not gap.size:
        return False
    ink = np.abs(gap.astype(np.int16) - int(np.median(gap))) > CONTRAST
    rows = np.flatnonzero(ink.any(axis=1))
    if not len(rows) or rows[-1] - rows[0] + 1 > MARK_HEIGHT * height:
        return False
    widths = _run_widths(np.atleast_1d(ink.any(axis=0)))
    return len(widths) >= FEWEST_MARKS and float(np.median(widths)) <= MARK_WIDTH * height


def _run_widths(is_inked: NDArray[np.bool_]) -> list[int]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_inked, [False]])))
    return [int(width) for width in edges[1::2] - edges[::2]]


def _are_contents(pairs: Sequence[_Pair], lines: Sequence[TextLine]) -> bool:
    """Whether the pairs are entries without leaders: numbers of pages in one column that do not fall."""
    numbers = [number for _, number in pairs if number.text.isdecimal()]
    if len(numbers) < max(FEWEST_WITHOUT, len(pairs)) or not any(is_contents_heading(line.text) for line in lines):
        return False
    numbers.sort(key=lambda line: line.box[1])
    rights = [line.box[2] for line in numbers]
    is_column = max(rights) - min(rights) <= SAME_COLUMN * numbers[0].height
    return is_column and all(int(upper.text) <= int(lower.text) for upper, lower in pairwise(numbers))


def _join_lines(title: TextLine, number: TextLine) -> TextLine:
    x0, y0, x1, y1 = enclosing_box([title.box, number.box])
    quad = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
    score = min(title.score, number.score)
    return TextLine(f"{title.text} {number.text}", quad, score, (*title.words, *number.words))


def _group_entries(
    entries: Sequence[list[TextLine]], blocks: Sequence[LayoutBlock], others: Sequence[TextLine]
) -> list[Paragraph]:
    """One list for entries under each other with nothing between them."""
    groups: list[list[TextLine]] = []
    for entry in sorted(entries, key=lambda lines: lines[0].box[1]):
        above = next((group for group in groups if _continues(group[-1].box, entry[0].box, others)), None)
        if above is None:
            groups.append(list(entry))
        else:
            above += entry
    return [
        Paragraph(tuple(TextRow((line,), find_containing_block(line.box, blocks)) for line in group), "list", 0.6)
        for group in groups
    ]


def _continues(upper: Box, lower: Box, others: Sequence[TextLine]) -> bool:
    height = min(box_height(upper), box_height(lower))
    is_in_column = min(upper[2], lower[2]) - max(upper[0], lower[0]) > 0
    if not is_in_column or not -0.5 * height < lower[1] - upper[3] < 3 * height:
        return False
    middles = ((line.box[1] + line.box[3]) / 2 for line in others if line.box[2] > lower[0] and line.box[0] < lower[2])
    return not any(upper[3] < middle < lower[1] for middle in middles)
