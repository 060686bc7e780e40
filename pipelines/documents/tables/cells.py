"""Distributes the text of a table over the positions of its grid, and joins positions into cells."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations, groupby, islice, pairwise, product

import numpy as np

from pipelines.boxes import Box, box_height, enclosing_box
from pipelines.documents.structure.rows import join_words
from pipelines.documents.tables.cell_builder import CellBuilder
from pipelines.documents.tables.grid import Grid
from pipelines.documents.tables.ruling_lines import RulingLines
from pipelines.documents.tables.spans import join_row_spans
from pipelines.documents.tables.tokens import TextToken, group_into_rows, is_numeric
from pipelines.documents.types import TableCell

MOST_HEADER_ROWS = 4
MOST_SHARES = 5000  # ways to share columns among headings that are tried
YEAR_STEPS = frozenset({1, 2, 5, 10})  # between years that name columns
LONGEST_CODE = 3  # characters of a name with a number, such as Q1

Position = tuple[int, int]  # row, column


def build_cells(
    tokens: Sequence[TextToken], grid: Grid, ruling_lines: RulingLines, text_height: float
) -> list[TableCell]:
    """Cells row by row; together they cover every position of the grid once."""
    if grid.has_ruled_rows:
        cells = _build_ruled_cells(tokens, grid, ruling_lines, text_height)
    else:
        cells = _build_unruled_cells(tokens, grid, ruling_lines, text_height)
    header_rows = count_header_rows(cells, grid, ruling_lines)
    reach = max((cell.last_row + 1 for cell in cells if cell.row < header_rows), default=0)
    header_rows = reach if reach < grid.rows else header_rows
    if not grid.has_ruled_rows and grid.rows > 1:
        cells = join_row_spans(cells, grid, ruling_lines, header_rows)
    in_order = sorted(cells, key=lambda cell: (cell.row, cell.column))
    return [_finish_cell(cell, grid, is_header=cell.row < header_rows) for cell in in_order]


def _finish_cell(cell: CellBuilder, grid: Grid, *, is_header: bool) -> TableCell:
    text = " ".join(token.text for row in group_into_rows(cell.tokens) for token in row)
    frame: Box = (
        grid.xs[cell.column], grid.ys[cell.row], grid.xs[cell.last_column + 1], grid.ys[cell.last_row + 1]
    )  # fmt: skip
    return TableCell(
        row=cell.row,
        column=cell.column,
        row_span=cell.last_row - cell.row + 1,
        column_span=cell.last_column - cell.column + 1,
        is_header=is_header,
        text=text,
        box=enclosing_box(token.box for token in cell.tokens) if cell.tokens else frame,
        struck=any(word.is_struck for token in cell.tokens for word in token.words),
    )


def count_header_rows(cells: Sequence[CellBuilder], grid: Grid, ruling_lines: RulingLines) -> int:
    """Rows at the top that name columns: those above the first values, else those above the first full-width line."""
    first = grid.rows
    for row, group in groupby(sorted(cells, key=lambda cell: cell.row), key=lambda cell: cell.row):
        filled = [cell for cell in group if cell.tokens]
        values = [cell.tokens[0].text for cell in filled if cell.column > 0]
        numbers = list(filter(_is_value, values))
        if numbers and 2 * len(numbers) >= len(values) and not _are_years(numbers, has_name=filled[0].column == 0):
            first = row
            break
    limit = min(MOST_HEADER_ROWS, grid.rows - 1)
    if 0 < first <= limit:
        return first
    slack = min(lower - upper for upper, lower in pairwise(grid.ys)) / 2
    for y in grid.ys[1 : limit + 1]:
        if ruling_lines.has_horizontal(y, grid.xs[0], grid.xs[-1], slack):
            return grid.ys.index(y)
    return min(1, limit) if first > 0 else 0


def _is_value(text: str) -> bool:
    """Whether it is a number, and not a name such as Q1."""
    return is_numeric(text) and not (text[:1].isalpha() and len(text) <= LONGEST_CODE)


def _are_years(numbers: Sequence[str], *, has_name: bool) -> bool:
    """Whether they are years that name columns: in steps, or under no name of their own. `Founded | 1987` is a row."""
    years = [int(text) for text in numbers if len(text) == 4 and text.isdecimal() and 1900 <= int(text) < 2100]
    steps = {abs(later - earlier) for earlier, later in pairwise(years)}
    return len(years) == len(numbers) and (not has_name or (len(steps) == 1 and steps <= YEAR_STEPS))


def _build_ruled_cells(
    tokens: Sequence[TextToken], grid: Grid, ruling_lines: RulingLines, text_height: float
) -> list[CellBuilder]:
    """Join neighbouring positions without a line between them into one cell."""
    slack = 0.5 * text_height
    group_of = {position: position for position in product(range(grid.rows), range(grid.columns))}

    def join(one: Position, other: Position) -> None:
        kept, dropped = group_of[one], group_of[other]
        for position, group in group_of.items():
            if group == dropped:
                group_of[position] = kept

    for row, column in list(group_of):
        y0, y1, x0, x1 = grid.ys[row], grid.ys[row + 1], grid.xs[column], grid.xs[column + 1]
        if column + 1 < grid.columns and grid.has_ruled_columns and not ruling_lines.has_vertical(x1, y0, y1, slack):
            join((row, column), (row, column + 1))
        if row + 1 < grid.rows and not ruling_lines.has_horizontal(y1, x0, x1, slack):
            join((row, column), (row + 1, column))
    cells = _build_rectangles(group_of)
    cell_at = {position: cell for cell in cells for position in cell.positions()}
    for token in _split_at_borders(tokens, grid, text_height):
        cell_at[_locate(token, grid)].tokens.append(token)
    return cells


def _build_rectangles(group_of: dict[Position, Position]) -> list[CellBuilder]:
    """One cell for each group that is a rectangle; the positions of any other group stay single cells."""
    groups: dict[Position, list[Position]] = defaultdict(list)
    for position, group in group_of.items():
        groups[group].append(position)
    cells = []
    for positions in groups.values():
        rows, columns = zip(*positions, strict=True)
        joined = CellBuilder(min(rows), min(columns), max(rows), max(columns))
        is_rectangle = len(list(joined.positions())) == len(positions)
        cells += [joined] if is_rectangle else [CellBuilder(row, column, row, column) for row, column in positions]
    return cells


def _locate(token: TextToken, grid: Grid) -> Position:
    return _find_interval(grid.ys, token.centre[1]), _find_interval(grid.xs, token.centre[0])


def _find_interval(borders: Sequence[float], value: float) -> int:
    return int(np.clip(np.searchsorted(borders, value) - 1, 0, len(borders) - 2))


def _split_at_borders(tokens: Sequence[TextToken], grid: Grid, text_height: float) -> list[TextToken]:
    """Cut tokens where a column border runs through white between their words."""
    return [part for token in tokens for part in _split_token(token, grid, text_height)]


def _split_token(token: TextToken, grid: Grid, text_height: float) -> list[TextToken]:
    least_white = 0.0 if grid.has_ruled_columns else 0.4 * text_height
    runs = [[token.words[0]]]
    for last, word in pairwise(token.words):
        columns = {_find_interval(grid.xs, (box[0] + box[2]) / 2) for box in (last.box, word.box)}
        if len(columns) > 1 and word.box[0] - last.box[2] > least_white:
            runs.append([word])
        else:
            runs[-1].append(word)
    return (
        [TextToken(tuple(run), join_words(run, token.text), token.turn) for run in runs] if len(runs) > 1 else [token]
    )


def _build_unruled_cells(
    tokens: Sequence[TextToken], grid: Grid, ruling_lines: RulingLines, text_height: float
) -> list[CellBuilder]:
    """A cell for each column of each row; headings may span several columns."""
    rows: dict[int, list[TextToken]] = defaultdict(list)
    for token in _split_at_borders(tokens, grid, text_height):
        rows[_find_interval(grid.ys, token.centre[1])].append(token)
    first_full = next((row for row in sorted(rows) if _is_full(rows[row], grid)), 0)
    first_value = next((row for row in sorted(rows) if any(_is_value(token.text) for token in rows[row][1:])), 0)
    cells = []
    for row in range(grid.rows):
        cells += _build_row(row, rows[row], grid, ruling_lines, is_heading=row < first_full, may_span=row < first_value)
    return cells


def _is_full(tokens: Sequence[TextToken], grid: Grid) -> bool:
    """Whether three quarters of the columns have text, and at least two."""
    return len({_find_interval(grid.xs, token.centre[0]) for token in tokens}) >= max(2, 0.75 * grid.columns)


def _build_row(
    row: int, tokens: Sequence[TextToken], grid: Grid, ruling_lines: RulingLines, *, is_heading: bool, may_span: bool
) -> list[CellBuilder]:
    """The cells of one row. A heading spans the columns that it is over, another name those that it reaches into."""
    cells: list[CellBuilder] = []
    for group in _group_stacked(tokens):
        extent = enclosing_box(token.box for token in group)
        first, last = _find_interval(grid.xs, extent[0] + 1), _find_interval(grid.xs, extent[2] - 1)
        others = [token for token in tokens if token not in group]
        is_alone = not any(first <= _find_interval(grid.xs, token.centre[0]) <= last for token in others)
        if is_heading or (may_span and first < last and is_alone):
            first, last = _find_heading_columns(extent, grid, ruling_lines, row, others)
        elif first < last:
            first = last = first if first == 0 else _find_interval(grid.xs, (extent[0] + extent[2]) / 2)
        overlapping = next((cell for cell in cells if cell.column <= last and first <= cell.last_column), None)
        if overlapping:
            overlapping.tokens += group
        else:
            cells.append(CellBuilder(row, first, row, last, list(group)))
    filled = {column for cell in cells for column in range(cell.column, cell.last_column + 1)}
    return cells + [CellBuilder(row, column, row, column) for column in range(grid.columns) if column not in filled]


def _group_stacked(tokens: Sequence[TextToken]) -> list[list[TextToken]]:
    """Group tokens that overlap horizontally, one above the other: the lines of one cell."""
    groups: list[list[TextToken]] = []
    end = float("-inf")
    for token in sorted(tokens, key=lambda token: token.box[0]):
        if token.box[0] >= end:
            groups.append([])
        groups[-1].append(token)
        end = max(end, token.box[2])
    return groups


def _find_heading_columns(
    extent: Box, grid: Grid, ruling_lines: RulingLines, row: int, others: Sequence[TextToken]
) -> tuple[int, int]:
    """First and last column of a heading: those above which its underline runs, else those it is centred over."""
    middle, reach = (extent[0] + extent[2]) / 2, box_height(extent)
    for line in ruling_lines.horizontal:
        is_under = extent[3] - reach < line.at < grid.ys[row + 1] + reach
        if is_under and line.start - reach <= middle <= line.end + reach:
            inside = [column for column in range(grid.columns) if line.start < _middle(grid, column, column) < line.end]
            beside = [token.centre[0] for token in others if line.start < token.centre[0] < line.end]
            if inside and len(inside) < grid.columns and len(beside) < len(inside):
                return _share_columns(middle, beside, inside, grid, reach)
    low, high = _find_interval(grid.xs, extent[0] + 1), _find_interval(grid.xs, extent[2] - 1)
    occupied = [_find_interval(grid.xs, token.centre[0]) for token in others]
    left = max((column + 1 for column in occupied if column < low), default=0)
    right = min((column for column in occupied if column > high), default=grid.columns)
    spans = [(first, last) for first in range(left, low + 1) for last in range(high, right)]
    return min(spans, key=lambda span: (abs(_middle(grid, *span) - middle) // reach, span[1] - span[0]))


def _share_columns(
    own: float, beside: Sequence[float], columns: Sequence[int], grid: Grid, reach: float
) -> tuple[int, int]:
    """First and last column of the heading at x `own`, where others stand `beside` it over one line that all columns
    lie under: the headings stand over the middles of their own to `reach`, or else have equally many."""
    centres = sorted([own, *beside])
    ways = [
        list(pairwise([0, *borders, len(columns)]))
        for borders in islice(combinations(range(1, len(columns)), len(centres) - 1), MOST_SHARES)
    ]

    def measure(parts: Sequence[tuple[int, int]]) -> float:
        middles = (_middle(grid, columns[first], columns[end - 1]) for first, end in parts)
        return max(abs(middle - centre) for middle, centre in zip(middles, centres, strict=True))

    equal = [parts for parts in ways if len({end - first for first, end in parts}) == 1]
    best = min(ways, key=measure)
    first, end = (best if measure(best) < reach or not equal else equal[0])[centres.index(own)]
    return columns[first], columns[end - 1]


def _middle(grid: Grid, first: int, last: int) -> float:
    """The x in the middle of a range of columns."""
    return (grid.xs[first] + grid.xs[last + 1]) / 2
