"""Finds listings of code and what terminals print: lines in a font whose characters all have one width.

Words of such lines begin at multiples of that width, over all lines of a block. So their columns, which are indents
and the gaps of a terminal's tables, follow from their places. Typewritten letters and receipts have such fonts, too: a
block is code only if enough of its lines read like code, or if it is light on a dark ground.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np

from pipelines.boxes import Box, box_height, contained_share, enclosing_box, is_on_same_line
from pipelines.documents.stages import TextLine, TextWord
from pipelines.documents.structure.ink import Grey
from pipelines.documents.structure.paragraphs import Paragraph
from pipelines.documents.structure.rows import TextRow
from pipelines.documents.structure.text_patterns import is_code, is_prompt

FEWEST_ROWS, FEWEST_WORDS = 2, 6
FEWEST_LETTERS = 5  # of a row whose mean width says something
SPREAD = 0.1  # of the widths of characters within a line, and of those of lines in one block
OFF_GRID = 0.25  # widths that a word may begin beside its column
ON_GRID = 0.85  # share of words that begin at their columns, at least
# In widths: white left and right of a character, how far a word's width may be off, and for which share of the longer
# words it must hold. Words of ten letters in other fonts are off by a letter, as often as not.
SIDE_BEARINGS, OFF_WIDTH, AS_WIDE = 0.15, 0.45, 0.8
MAX_GAP = 2.6  # line heights between two rows of one block
CODE_SHARE = 0.4  # of rows that read like code
DARK = 100  # brightness of a dark ground, at most
NUMBERED = 0.8  # share of rows with numbers that count up from which these are line numbers
MOST_BLANK_ROWS = 2

CodeRow = list[TextLine]  # left to right


@dataclass(frozen=True, slots=True)
class CodeGrid:
    """Columns are `pitch` pixels wide, the first begins at `left`."""

    left: float
    pitch: float

    def column(self, word: TextWord) -> int:
        return round((word.box[0] - self.left) / self.pitch)

    def share_on_grid(self, words: Sequence[TextWord]) -> float:
        columns = (np.array([word.box[0] for word in words]) - self.left) / self.pitch
        return float((np.abs(columns - columns.round()) <= OFF_GRID).mean()) if len(words) else 0.0

    def share_as_wide(self, words: Sequence[TextWord]) -> float:
        """Share of the longer words that are as wide as their number of characters says."""
        longer = [word for word in words if len(word.text) >= FEWEST_LETTERS - 1]
        if not longer:
            return 1.0
        spans = np.array([word.box[2] - word.box[0] for word in longer]) / self.pitch
        lengths = np.array([len(word.text) for word in longer])
        return float((np.abs(spans + SIDE_BEARINGS - lengths) <= OFF_WIDTH).mean())


def find_code(lines: Sequence[TextLine], grey: Grey) -> tuple[list[Paragraph], list[TextLine]]:
    """Blocks of code, each with its text in `code`, and the other lines."""
    rows = _group_rows(lines)
    blocks = [block for run in _chain_rows(rows) if (block := _build_block(run, grey)) is not None]
    used = {id(line) for block in blocks for line in block.lines}
    return blocks, [line for line in lines if id(line) not in used]


def _group_rows(lines: Sequence[TextLine]) -> list[CodeRow]:
    """Lines level with each other, from top to bottom."""
    rows: list[CodeRow] = []
    for line in sorted((line for line in lines if line.words), key=lambda line: line.box[1] + line.box[3]):
        if rows and is_on_same_line(rows[-1][0].box, line.box):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda line: line.box[0]) for row in rows]


def _measure_steps(row: CodeRow) -> list[float]:
    """The width of a character and its space between each two words that one space separates."""
    words = [word for line in row for word in line.words]
    return [
        (after.box[0] - before.box[0]) / (len(before.text) + 1)
        for before, after in pairwise(words)
        if after.box[0] - before.box[2] < box_height(before.box)
    ]


def _measure_pitch(row: CodeRow) -> float | None:
    """The width of the row's characters; None if it has too few words to tell, or if widths differ."""
    steps = _measure_steps(row)
    if len(steps) < 2 or min(steps) <= 0:
        return None
    middle = median(steps)
    near = [step for step in steps if abs(step - middle) <= SPREAD * middle]
    return middle if len(near) >= ON_GRID * len(steps) else None


def _chain_rows(rows: Sequence[CodeRow]) -> list[list[CodeRow]]:
    """Runs of rows that may be one block: near each other, with characters of one width where that can be told."""
    runs: list[list[CodeRow]] = []
    for row in rows:
        if runs and _is_near(runs[-1][-1], row) and _continues_run(runs[-1], row):
            runs[-1].append(row)
        else:
            runs.append([row])
    return runs


def _continues_run(run: Sequence[CodeRow], row: CodeRow) -> bool:
    """Whether the row's characters are as wide as the run's; a row of uneven ones must fit the run's columns."""
    pitches = [pitch for one in run if (pitch := _measure_pitch(one)) is not None]
    own = _measure_pitch(row)
    if not pitches:
        return _may_be_even(run[-1]) and (own is not None or _may_be_even(row))
    pitch = median(pitches)
    if own is not None:
        return abs(own - pitch) <= 2 * SPREAD * pitch
    is_long = sum(len(line.text) for line in row) >= FEWEST_LETTERS  # boxes of single ones are narrower
    if is_long and abs(_mean_width(row) - pitch) > 3 * SPREAD * pitch:
        return False
    if _may_be_even(row):
        return True
    _, texts = _strip_line_numbers([*run, row])
    grid = _fit_grid([word for one in texts[:-1] for word in one], pitch)
    return grid.share_on_grid(texts[-1]) >= ON_GRID


def _may_be_even(row: CodeRow) -> bool:
    """Whether it has too few words to tell, or is even."""
    return len(_measure_steps(row)) < 2 or _measure_pitch(row) is not None


def _mean_width(row: CodeRow) -> float:
    words = [word for line in row for word in line.words]
    return sum(word.box[2] - word.box[0] for word in words) / max(1, sum(len(word.text) for word in words))


def _is_near(upper: CodeRow, lower: CodeRow) -> bool:
    return lower[0].box[1] - upper[0].box[3] <= MAX_GAP * min(box_height(upper[0].box), box_height(lower[0].box))


def _build_block(rows: Sequence[CodeRow], grey: Grey) -> Paragraph | None:
    """The block of code that the rows are; None if they are none."""
    pitches = [pitch for row in rows if (pitch := _measure_pitch(row)) is not None]
    if len(rows) < FEWEST_ROWS or not pitches or max(pitches) > (1 + SPREAD) * min(pitches):
        return None
    rows, texts = _strip_line_numbers(rows)
    words = [word for row in texts for word in row]
    grid = _fit_grid(words, median(pitches))
    if len(words) < FEWEST_WORDS or grid.share_on_grid(words) < ON_GRID or grid.share_as_wide(words) < AS_WIDE:
        return None
    if not _reads_like_code([" ".join(word.text for word in row) for row in texts], rows, grey):
        return None
    lines = tuple(line for row in rows for line in row)
    text_rows = tuple(TextRow(tuple(row)) for row in rows)
    score = sum(line.score for line in lines) / len(lines)
    return Paragraph(text_rows, "text", score, code=_write_code(texts, grid))


def _strip_line_numbers(rows: Sequence[CodeRow]) -> tuple[list[CodeRow], list[list[TextWord]]]:
    """The rows, and their words without an editor's line numbers."""
    texts = [[word for line in row for word in line.words] for row in rows]
    first = [int(row[0].text) if row[0].text.isdecimal() and len(row[0].text) < 6 else None for row in texts]
    counted = sum(one is not None and other == one + 1 for one, other in pairwise(first))
    if len(rows) > 2 and counted >= NUMBERED * (len(rows) - 1):
        texts = [row[1:] if number is not None else row for row, number in zip(texts, first, strict=True)]
    return list(rows), texts


def _fit_grid(words: Sequence[TextWord], pitch: float) -> CodeGrid:
    """The grid through most beginnings of words: its pitch is refined, as an error of a percent is a column of 100."""
    starts = np.array([word.box[0] for word in words])
    left = float(starts.min()) if len(starts) else 0.0
    best, fitting = CodeGrid(left, pitch), -1.0
    for scale in np.linspace(0.94, 1.06, 49):
        columns = (starts - left) / (pitch * scale)
        shift = float(np.median(columns - columns.round())) if len(starts) else 0.0
        residuals = np.abs(columns - shift - (columns - shift).round())
        fit = float((residuals <= OFF_GRID).mean() - residuals.mean()) if len(starts) else 0.0
        if fit > fitting:
            best, fitting = CodeGrid(left + shift * pitch * scale, float(pitch * scale)), fit
    return best


def _reads_like_code(texts: Sequence[str], rows: Sequence[CodeRow], grey: Grey) -> bool:
    if any(map(is_prompt, texts)):
        return True
    share = sum(map(is_code, texts)) / len(texts)
    return share >= CODE_SHARE or _is_on_dark_ground(enclosing_box(line.box for row in rows for line in row), grey)


def _is_on_dark_ground(box: Box, grey: Grey) -> bool:
    x0, y0, x1, y1 = (max(0, round(edge)) for edge in box)
    part = grey[y0:y1, x0:x1]
    return part.size > 0 and float(np.median(part)) <= DARK


def _write_code(texts: Sequence[Sequence[TextWord]], grid: CodeGrid) -> str:
    """The rows with each word at its column, and blank rows where there is room for them."""
    written: list[str] = []
    leadings = [lower[0].box[1] - upper[0].box[1] for upper, lower in pairwise(texts) if upper and lower]
    leading = max(1.0, min(leadings, default=1.0))
    for at, row in enumerate(texts):
        if at and row and texts[at - 1]:
            blank = round((row[0].box[1] - texts[at - 1][0].box[1]) / leading) - 1
            written += [""] * max(0, min(blank, MOST_BLANK_ROWS))
        text = ""
        for word in row:
            text += " " * max(1 if text else 0, grid.column(word) - len(text)) + _double_underscores(word, grid)
        written.append(text)
    return "\n".join(written)


def _double_underscores(word: TextWord, grid: CodeGrid) -> str:
    """The word with each run of underscores one longer, if exactly so many columns are left over: readers see `__` as
    a single long one."""
    runs = sum(one == "_" != other for one, other in pairwise(f"{word.text} "))
    columns = round((word.box[2] - grid.left) / grid.pitch + 0.15) - grid.column(word)
    if not runs or columns != len(word.text) + runs:
        return word.text
    return "".join("__" if one == "_" != other else one for one, other in pairwise(f"{word.text} "))


def holds_code(box: Box, code: Sequence[Paragraph]) -> bool:
    """Whether a block of the layout model is mostly code, or lies in it."""
    return any(max(contained_share(one.box, box), contained_share(box, one.box)) > 0.5 for one in code)
