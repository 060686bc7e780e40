"""Rows and columns of a table: where its borders run, from ruling lines where it has them, else from white space."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean, median

import numpy as np

from pipelines.documents.boxes import union
from pipelines.documents.tables.ruling_lines import Rules, Stroke
from pipelines.documents.tables.tokens import Piece, is_numeric, settled_rows, visual_rows
from pipelines.documents.types import Box

RULED = 0.4  # of the table's extent that a line of its grid runs over, all parts together
NARROWEST = 0.25  # gutter between two columns, in text heights
FULL = 0.6  # of the pieces that full rows have: what has fewer is a heading over several columns, or a section's name
CROSSED = 0.15  # of the rows that may run into a gutter


@dataclass(frozen=True)
class Grid:
    """Borders of columns and rows, outer ones included. `rules_columns`, `rules_rows`: they are ruling lines, and
    where one is missing the cells on its two sides are one. `levels`: the middle of each row's text, where rows are not
    ruled."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    rules_columns: bool
    rules_rows: bool
    levels: tuple[float, ...] = ()

    @property
    def columns(self) -> int:
        return len(self.xs) - 1

    @property
    def rows(self) -> int:
        return len(self.ys) - 1


def grid_of(pieces: Sequence[Piece], rules: Rules, box: Box, tall: float) -> Grid:
    """`box` is around everything, `tall` the height of its text."""
    xs = _positions(rules.down, box[1], box[3], tall)
    ys = _positions(rules.across, box[0], box[2], tall)
    rows, settled = settled_rows(visual_rows(pieces))
    has_columns = len(xs) >= 3 and _holds(xs, pieces, axis=0)
    if has_columns and len(ys) >= 3 and _holds(ys, pieces, axis=1) and not _is_open(rows, xs, ys):
        return Grid(tuple(xs), tuple(ys), rules_columns=True, rules_rows=True)
    columns = tuple(xs) if has_columns else _column_borders(settled, box, tall)
    inner = [y for y in ys if rows[0][0].centre[1] < y < rows[-1][0].centre[1]]
    if len(inner) > 1 and len(inner) >= 0.4 * (len(rows) - 1) and not _is_open(rows, columns, [box[1], *inner, box[3]]):
        return Grid(columns, (box[1], *inner, box[3]), rules_columns=False, rules_rows=True)
    whole = _whole_rows(rows, inner, columns)
    levels = tuple(median(piece.centre[1] for piece in row) for row in whole)
    return Grid(columns, _borders(whole, box), rules_columns=False, rules_rows=False, levels=levels)


def _positions(strokes: Sequence[Stroke], low: float, high: float, tall: float) -> list[float]:
    """Where lines run over much of the table, strokes at one place counted together."""
    clusters: list[list[Stroke]] = []
    for stroke in strokes:
        if clusters and stroke.at - clusters[-1][-1].at < 0.5 * tall:
            clusters[-1].append(stroke)
        else:
            clusters.append([stroke])
    long = [one for one in clusters if sum(stroke.length for stroke in one) >= RULED * (high - low)]
    return [mean(stroke.at for stroke in one) for one in long]


def _holds(borders: Sequence[float], pieces: Sequence[Piece], *, axis: int) -> bool:
    """Whether nearly all text is between the outer ones."""
    inside = [borders[0] < one.centre[axis] < borders[-1] for one in pieces]
    return sum(inside) >= 0.9 * len(inside)


def _is_open(rows: Sequence[Sequence[Piece]], xs: Sequence[float], ys: Sequence[float]) -> bool:
    """Whether rows of text, level with each other in most columns, have no line between them."""
    for top, bottom in pairwise(ys):
        inner = [row for row in rows if top < row[0].centre[1] < bottom]
        if len(inner) >= 3 and mean(len(row) for row in inner) >= 0.7 * (len(xs) - 1):
            return True
    return False


def _column_borders(rows: Sequence[Sequence[Piece]], box: Box, tall: float) -> tuple[float, ...]:
    columns = sorted(column_extents(rows, tall))
    inner = [(left[1] + right[0]) / 2 for left, right in pairwise(columns)]
    return (min(box[0], columns[0][0]), *inner, max(box[2], columns[-1][1]))


def column_extents(rows: Sequence[Sequence[Piece]], tall: float) -> list[tuple[float, float]]:
    """Extents of columns: what full rows cover, and what stands alone between them."""
    most = float(np.percentile([len(row) for row in rows], 80))
    full = [row for row in rows if len(row) > FULL * most]
    whole = union(piece.box for row in rows for piece in row)
    counts = np.zeros(int(whole[2] - whole[0]) + 2)
    for row in full:
        for one in row:
            counts[int(one.box[0] - whole[0]) : int(one.box[2] - whole[0]) + 1] += 1
    covered = np.flatnonzero(np.diff(np.concatenate([[0], counts > CROSSED * len(full), [0]])))
    found = _merged([(a + whole[0], b + whole[0]) for a, b in covered.reshape(-1, 2).tolist()], NARROWEST * tall)
    rest = [(one.box[0], one.box[2]) for row in full for one in row]
    alone = [span for span in rest if all(min(span[1], b) - max(span[0], a) <= 0 for a, b in found)]
    return found + _merged(sorted(alone), 0.0)


def _merged(spans: Sequence[tuple[float, float]], gap: float) -> list[tuple[float, float]]:
    """Sorted spans, those nearer than `gap` joined."""
    merged: list[tuple[float, float]] = []
    for start, end in spans:
        if merged and start - merged[-1][1] <= gap:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _whole_rows(rows: Sequence[Sequence[Piece]], ys: Sequence[float], columns: Sequence[float]) -> list[list[Piece]]:
    """Rows of text; what continues the cells of the row above is not one of its own."""
    groups = [list(rows[0])]
    for last, row in pairwise(rows):
        is_parted = any(last[0].centre[1] < y < row[0].centre[1] for y in ys)
        if not is_parted and _continues(groups[-1], row, columns):
            groups[-1] += row
        else:
            groups.append(list(row))
    return groups


def _borders(rows: Sequence[Sequence[Piece]], box: Box) -> tuple[float, ...]:
    extents = [union(piece.box for piece in row) for row in rows]
    middles = [(upper[3] + lower[1]) / 2 for upper, lower in pairwise(extents)]
    return (min(box[1], extents[0][1]), *middles, max(box[3], extents[-1][3]))


def _continues(row: Sequence[Piece], below: Sequence[Piece], columns: Sequence[float]) -> bool:
    """Whether `below` is the rest of the cells of `row`: words under words, and nothing of its own in front."""
    above, under = ({_column(one, columns) for one in part} for part in (row, below))
    if any(is_numeric(one.text) for one in below) or not under <= above or len(below) >= len(row):
        return False
    is_begun = all(one.text[:1].islower() or one.text[:1] in "(&/" for one in below)
    return 0 not in under or (under == {0} and is_begun)


def _column(one: Piece, columns: Sequence[float]) -> int:
    return int(np.clip(np.searchsorted(columns, one.centre[0]) - 1, 0, len(columns) - 2))
