"""Text into the places of a grid, and which places are one cell."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby, pairwise, product

import numpy as np

from pipelines.documents.boxes import height, union
from pipelines.documents.structure.rows import joined
from pipelines.documents.tables.cell_builder import Place
from pipelines.documents.tables.grid import Grid
from pipelines.documents.tables.ruling_lines import Rules
from pipelines.documents.tables.spans import with_row_spans
from pipelines.documents.tables.tokens import Piece, is_numeric, visual_rows
from pipelines.documents.types import Box, Cell

MOST_HEADERS = 4


def cells_of(pieces: Sequence[Piece], grid: Grid, rules: Rules, tall: float) -> list[Cell]:
    """Row by row; together they cover every place of the grid once."""
    places = _ruled(pieces, grid, rules, tall) if grid.rules_rows else _open(pieces, grid, rules, tall)
    headers = header_rows(places, grid, rules)
    if not grid.rules_rows and grid.rows > 1:
        places = with_row_spans(places, grid, rules, headers)
    return [_cell(one, grid, one.row < headers) for one in sorted(places, key=lambda one: (one.row, one.column))]


def _cell(place: Place, grid: Grid, is_header: bool) -> Cell:
    text = " ".join(one.text for row in visual_rows(place.pieces) for one in row)
    frame: Box = (
        grid.xs[place.column], grid.ys[place.row], grid.xs[place.last_column + 1], grid.ys[place.last_row + 1]
    )  # fmt: skip
    return Cell(
        row=place.row,
        column=place.column,
        row_span=place.last_row - place.row + 1,
        column_span=place.last_column - place.column + 1,
        is_header=is_header,
        text=text,
        box=union(one.box for one in place.pieces) if place.pieces else frame,
    )


def header_rows(places: Sequence[Place], grid: Grid, rules: Rules) -> int:
    """Rows at the top that name columns: those over the first values, or over the first line that runs across."""
    first = grid.rows
    for row, group in groupby(sorted(places, key=lambda one: one.row), key=lambda one: one.row):
        values = [one.pieces[0].text for one in group if one.pieces and one.column > 0]
        if values and 2 * sum(is_numeric(text) for text in values) >= len(values):
            first = row
            break
    limit = min(MOST_HEADERS, grid.rows - 1)
    if 0 < first <= limit:
        return first
    lines = [y for y in grid.ys[1 : limit + 1] if rules.underlines(y, grid.xs[0], grid.xs[-1], _slack(grid))]
    if lines:
        return grid.ys.index(lines[0])
    return min(1, limit) if first > 0 else 0


def _slack(grid: Grid) -> float:
    return min(b - a for a, b in pairwise(grid.ys)) / 2


def _ruled(pieces: Sequence[Piece], grid: Grid, rules: Rules, tall: float) -> list[Place]:
    """Places with no line between them are one cell."""
    slack = 0.5 * tall
    owner = {spot: spot for spot in product(range(grid.rows), range(grid.columns))}

    def join(one: tuple[int, int], other: tuple[int, int]) -> None:
        kept, lost = owner[one], owner[other]
        for spot, at in owner.items():
            if at == lost:
                owner[spot] = kept

    for row, column in list(owner):
        y0, y1, x0, x1 = grid.ys[row], grid.ys[row + 1], grid.xs[column], grid.xs[column + 1]
        if column + 1 < grid.columns and grid.rules_columns and not rules.crosses(x1, y0, y1, slack):
            join((row, column), (row, column + 1))
        if row + 1 < grid.rows and not rules.underlines(y1, x0, x1, slack):
            join((row, column), (row + 1, column))
    places = _rectangles(owner)
    at = {spot: place for place in places for spot in place.covers()}
    for one in _split(pieces, grid, tall):
        at[_spot(one, grid)].pieces.append(one)
    return places


def _rectangles(owner: dict[tuple[int, int], tuple[int, int]]) -> list[Place]:
    """A place for each group that is a rectangle; the members of any other stay apart."""
    groups: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for spot, kept in owner.items():
        groups[kept].append(spot)
    places = []
    for spots in groups.values():
        rows, columns = zip(*spots, strict=True)
        whole = Place(min(rows), min(columns), max(rows), max(columns))
        is_whole = len(list(whole.covers())) == len(spots)
        places += [whole] if is_whole else [Place(row, column, row, column) for row, column in spots]
    return places


def _spot(one: Piece, grid: Grid) -> tuple[int, int]:
    return _between(grid.ys, one.centre[1]), _between(grid.xs, one.centre[0])


def _between(borders: Sequence[float], value: float) -> int:
    return int(np.clip(np.searchsorted(borders, value) - 1, 0, len(borders) - 2))


def _split(pieces: Sequence[Piece], grid: Grid, tall: float) -> list[Piece]:
    """Pieces that a border runs through where white is, cut there."""
    return [part for one in pieces for part in _parts(one, grid, tall)]


def _parts(one: Piece, grid: Grid, tall: float) -> list[Piece]:
    runs = [[one.words[0]]]
    for last, word in pairwise(one.words):
        borders = (_between(grid.xs, (box[0] + box[2]) / 2) for box in (last.box, word.box))
        if len(set(borders)) > 1 and word.box[0] - last.box[2] > (0.0 if grid.rules_columns else 0.4 * tall):
            runs.append([word])
        else:
            runs[-1].append(word)
    return [Piece(tuple(run), joined(run, one.text)) for run in runs] if len(runs) > 1 else [one]


def _open(pieces: Sequence[Piece], grid: Grid, rules: Rules, tall: float) -> list[Place]:
    """A cell for each column of each row, wider where a heading stands over several columns."""
    rows: dict[int, list[Piece]] = defaultdict(list)
    for one in _split(pieces, grid, tall):
        rows[_between(grid.ys, one.centre[1])].append(one)
    first = next((row for row in sorted(rows) if _is_full(rows[row], grid)), 0)
    places = []
    for row in range(grid.rows):
        places += _row(row, rows[row], grid, rules, is_heading=row < first)
    return places


def _is_full(pieces: Sequence[Piece], grid: Grid) -> bool:
    return len({_between(grid.xs, one.centre[0]) for one in pieces}) >= max(2, 0.75 * grid.columns)


def _row(row: int, pieces: Sequence[Piece], grid: Grid, rules: Rules, *, is_heading: bool) -> list[Place]:
    places: list[Place] = []
    for group in _stacked(pieces):
        extent = union(one.box for one in group)
        first, last = _between(grid.xs, extent[0] + 1), _between(grid.xs, extent[2] - 1)
        if is_heading:
            first, last = _heading(extent, grid, rules, row, [one for one in pieces if one not in group])
        elif first < last:
            first = last = first if first == 0 else _between(grid.xs, (extent[0] + extent[2]) / 2)
        clash = next((one for one in places if one.column <= last and first <= one.last_column), None)
        if clash:
            clash.pieces += group
        else:
            places.append(Place(row, first, row, last, list(group)))
    taken = {column for one in places for column in range(one.column, one.last_column + 1)}
    return places + [Place(row, column, row, column) for column in range(grid.columns) if column not in taken]


def _stacked(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Pieces that overlap sideways, one above the other: the lines of one cell."""
    groups: list[list[Piece]] = []
    end = float("-inf")
    for one in sorted(pieces, key=lambda one: one.box[0]):
        if one.box[0] >= end:
            groups.append([])
        groups[-1].append(one)
        end = max(end, one.box[2])
    return groups


def _heading(extent: Box, grid: Grid, rules: Rules, row: int, others: Sequence[Piece]) -> tuple[int, int]:
    """Columns under a heading: those over which the line under it runs, else those in whose middle it stands."""
    middle, reach = (extent[0] + extent[2]) / 2, height(extent)
    for rule in rules.across:
        is_under = extent[3] - reach < rule.at < grid.ys[row + 1] + reach
        if is_under and rule.start - reach <= middle <= rule.end + reach:
            inside = [column for column in range(grid.columns) if rule.start < _middle(grid, column, column) < rule.end]
            if inside and len(inside) < grid.columns:
                return inside[0], inside[-1]
    low, high = _between(grid.xs, extent[0] + 1), _between(grid.xs, extent[2] - 1)
    taken = [_between(grid.xs, one.centre[0]) for one in others]
    left = max((column + 1 for column in taken if column < low), default=0)
    right = min((column for column in taken if column > high), default=grid.columns)
    spans = [(first, last) for first in range(left, low + 1) for last in range(high, right)]
    return min(spans, key=lambda span: (abs(_middle(grid, *span) - middle) // reach, span[1] - span[0]))


def _middle(grid: Grid, first: int, last: int) -> float:
    return (grid.xs[first] + grid.xs[last + 1]) / 2
