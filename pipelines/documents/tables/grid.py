"""Finds the borders of a table's rows and columns, from ruling lines if it has them, else from white space."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean, median

import numpy as np

from pipelines.boxes import Box, box_height, enclosing_box, horizontal_overlap
from pipelines.documents.tables.ruling_lines import RulingLine, RulingLines
from pipelines.documents.tables.tokens import TextToken, group_into_rows, is_numeric, join_centred_lines, settle_rows
from pipelines.documents.tables.turned_heads import join_level_names

RULED = 0.4  # of the table's extent that a ruling line of its grid covers, all parts together
NARROWEST = 0.25  # gutter between two columns, in text heights
FULL = 0.6  # of the tokens of full rows: rows with fewer are headings over several columns, or names of sections
RECORD = 1.2  # distance of a record from the one above, relative to that of its lines, at least
MOST_LINES = 0.75  # share of the rows without a first cell that are lines of records, at least
MOST_HEAD_LINES = 4  # lines of text in a head
HEAD_LINES = 1.6  # distance of two lines of a column's name, in line heights, at most
NEAR = 0.8  # of the distance that three quarters of the rows keep: lines of one row are nearer
CROSSED = 0.15  # of the full rows that may run into a gutter


@dataclass(frozen=True)
class Grid:
    """Borders of columns and rows, including the outer ones.

    `has_ruled_columns`, `has_ruled_rows`: the borders are ruling lines, and where one is missing the cells on its two
    sides are one. `levels`: the middle of each row's text, if rows are not ruled.
    """

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    has_ruled_columns: bool
    has_ruled_rows: bool
    levels: tuple[float, ...] = ()

    @property
    def columns(self) -> int:
        return len(self.xs) - 1

    @property
    def rows(self) -> int:
        return len(self.ys) - 1


def build_grid(tokens: Sequence[TextToken], ruling_lines: RulingLines, box: Box, text_height: float) -> Grid:
    """`box` encloses the whole table."""
    xs = _find_borders(ruling_lines.vertical, box[1], box[3], text_height)
    ys = _find_borders(ruling_lines.horizontal, box[0], box[2], text_height)
    rows, merged = settle_rows(join_centred_lines(join_level_names(group_into_rows(tokens))))
    has_columns = len(xs) >= 3 and _enclose_text(xs, tokens, axis=0)
    if has_columns and len(ys) >= 3:
        ys = _add_partial_borders(ys, ruling_lines.horizontal, xs, text_height)
    if has_columns and len(ys) >= 3 and _enclose_text(ys, tokens, axis=1) and not _has_unruled_rows(rows, xs, ys):
        return Grid(tuple(xs), tuple(ys), has_ruled_columns=True, has_ruled_rows=True)
    columns = tuple(xs) if has_columns else _find_column_borders(merged, box, text_height)
    inner = [y for y in ys if rows[0][0].centre[1] < y < rows[-1][0].centre[1]]
    outer_and_inner = (box[1], *inner, box[3])
    is_mostly_ruled = len(inner) > 1 and len(inner) >= 0.4 * (len(rows) - 1)
    if is_mostly_ruled and not _has_unruled_rows(rows, columns, outer_and_inner):
        return Grid(columns, outer_and_inner, has_ruled_columns=False, has_ruled_rows=True)
    full_rows = _merge_wrapped_rows(rows, inner, columns)
    levels = tuple(median(token.centre[1] for token in row) for row in full_rows)
    own = {id(token) for row in rows for token in row}
    between = [token.centre[1] for token in tokens if id(token) not in own]
    borders = _find_row_borders(full_rows, levels, between, box)
    return Grid(columns, borders, has_ruled_columns=False, has_ruled_rows=False, levels=levels)


def _find_borders(lines: Sequence[RulingLine], low: float, high: float, text_height: float) -> list[float]:
    """Positions at which ruling lines cover much of the table; lines at one position count together."""
    clusters: list[list[RulingLine]] = []
    for line in lines:
        if clusters and line.at - clusters[-1][-1].at < 0.5 * text_height:
            clusters[-1].append(line)
        else:
            clusters.append([line])
    borders = [cluster for cluster in clusters if sum(line.length for line in cluster) >= RULED * (high - low)]
    return [mean(line.at for line in cluster) for cluster in borders]


def _add_partial_borders(
    ys: Sequence[float], lines: Sequence[RulingLine], xs: Sequence[float], text_height: float
) -> list[float]:
    """The borders of rows with those that only some columns have: lines from one border of columns to another."""
    reach, added = 0.5 * text_height, list(ys)
    for line in lines:
        ends_at_borders = all(any(abs(end - x) < reach for x in xs) for end in (line.start, line.end))
        is_inside = ys[0] < line.at < ys[-1] and all(abs(line.at - y) > text_height for y in added)
        if ends_at_borders and is_inside:
            added.append(line.at)
    return sorted(added)


def _enclose_text(borders: Sequence[float], tokens: Sequence[TextToken], *, axis: int) -> bool:
    """Whether nearly all text is between the outer borders."""
    inside = [borders[0] < token.centre[axis] < borders[-1] for token in tokens]
    return sum(inside) >= 0.9 * len(inside)


def _has_unruled_rows(rows: Sequence[Sequence[TextToken]], xs: Sequence[float], ys: Sequence[float]) -> bool:
    """Whether at least three rows with text in most columns have no line between them."""
    for top, bottom in pairwise(ys):
        inner = [row for row in rows if top < row[0].centre[1] < bottom]
        if len(inner) >= 3 and mean(len(row) for row in inner) >= 0.7 * (len(xs) - 1):
            return True
    return False


def _find_column_borders(rows: Sequence[Sequence[TextToken]], box: Box, text_height: float) -> tuple[float, ...]:
    columns = sorted(find_column_extents(rows, text_height))
    inner = [(left[1] + right[0]) / 2 for left, right in pairwise(columns)]
    return (min(box[0], columns[0][0]), *inner, max(box[2], columns[-1][1]))


def find_column_extents(rows: Sequence[Sequence[TextToken]], text_height: float) -> list[tuple[float, float]]:
    """Left and right of each column: the spans that full rows cover, and tokens that stand alone between them."""
    most = float(np.percentile([len(row) for row in rows], 80))
    full = [row for row in rows if len(row) > FULL * most]
    full = [[token for token in row if not _is_over_columns(token, full)] or row for row in full]
    extent = enclosing_box(token.box for row in rows for token in row)
    counts = np.zeros(int(extent[2] - extent[0]) + 2)  # full rows with text at each x
    for row in full:
        for token in row:
            counts[int(token.box[0] - extent[0]) : int(token.box[2] - extent[0]) + 1] += 1
    edges = np.flatnonzero(np.diff(np.concatenate([[0], counts > CROSSED * len(full), [0]])))
    covered = [(start + extent[0], end + extent[0]) for start, end in edges.reshape(-1, 2).tolist()]
    columns = _merge_spans(covered, NARROWEST * text_height)
    spans = [(token.box[0], token.box[2]) for row in full for token in row]
    alone = [span for span in spans if all(min(span[1], end) - max(span[0], start) <= 0 for start, end in columns)]
    return columns + _merge_spans(sorted(alone), 0.0)


def _is_over_columns(token: TextToken, rows: Sequence[Sequence[TextToken]]) -> bool:
    """Whether it is over or under several texts of most rows: a heading of several columns."""
    wide = [row for row in rows if sum(horizontal_overlap(token.box, other.box) > 0 for other in row) > 1]
    return 2 * len(wide) > len(rows)


def _merge_spans(spans: Sequence[tuple[float, float]], gap: float) -> list[tuple[float, float]]:
    """Merge sorted spans that are at most `gap` apart."""
    merged: list[tuple[float, float]] = []
    for start, end in spans:
        if merged and start - merged[-1][1] <= gap:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _merge_wrapped_rows(
    rows: Sequence[Sequence[TextToken]], ys: Sequence[float], columns: Sequence[float]
) -> list[list[TextToken]]:
    """Rows of text, each with the rows below that continue its cells."""
    groups = [list(rows[0])]
    in_record, near = _find_record_distance(rows, columns), _find_near_distance(rows)
    values = [index for index, row in enumerate(rows) if any(is_numeric(token.text) for token in row[1:])]
    heads = min(values[0], MOST_HEAD_LINES) if values else 0
    for index, (last, row) in enumerate(pairwise(rows), 1):
        is_separated = any(last[0].centre[1] < y < row[0].centre[1] for y in ys)
        is_next = _is_rest_of_record(last, row, columns, in_record)
        is_next = is_next or (index < heads and _is_line_of_heads(groups[-1], last, row, columns))
        is_next = is_next or (_distance(last, row) < near and _reads_on(groups[-1], row, columns))
        if not is_separated and (is_next or _continues_cells(groups[-1], row, columns)):
            groups[-1] += row
        else:
            groups.append(list(row))
    return groups


def _distance(row: Sequence[TextToken], below: Sequence[TextToken]) -> float:
    return median(token.centre[1] for token in below) - median(token.centre[1] for token in row)


def _find_near_distance(rows: Sequence[Sequence[TextToken]]) -> float:
    """Rows nearer than this are nearer than most: they may be lines of one row."""
    distances = [_distance(row, below) for row, below in pairwise(rows)]
    return NEAR * float(np.percentile(distances, 75)) if distances else 0.0


def _is_line_of_heads(
    group: Sequence[TextToken], last: Sequence[TextToken], row: Sequence[TextToken], columns: Sequence[float]
) -> bool:
    """Whether the row has the next lines of the names above it, each under one of them, and none over two."""
    height = median(box_height(token.box) for token in row)
    under = [[one for one in group if horizontal_overlap(one.box, token.box) > 0] for token in row]
    over = [sum(horizontal_overlap(one.box, token.box) > 0 for token in row) for one in last]
    is_one_each = max(over) < 2 and all(
        {_column_index(one, columns) for one in above} == {_column_index(token, columns)}
        for above, token in zip(under, row, strict=True)
    )
    is_no_section = len(row) > 1 or row[0].box[0] > columns[1] - height
    return is_one_each and is_no_section and _distance(last, row) < HEAD_LINES * height


def _reads_on(row: Sequence[TextToken], below: Sequence[TextToken], columns: Sequence[float]) -> bool:
    """Whether the first cell, which began with a capital, goes on in lower case, and the other cells go on with it."""
    above, under = ({_column_index(token, columns) for token in part} for part in (row, below))
    is_lower = below[0].text[:1].islower() and not row[0].text[:1].islower()
    return under <= above and 0 in under and is_lower and not any(is_numeric(token.text) for token in below)


def _find_record_distance(rows: Sequence[Sequence[TextToken]], columns: Sequence[float]) -> float:
    """Nearer than this are the lines of a record of several lines, as in a bank statement, whose second lines may have
    numbers; 0 if the rows are no records. Those with a first cell stand apart from the rows above, most others do not.
    """
    own: list[float] = []
    rest: list[float] = []
    for last, row in pairwise(rows):
        begins = row[0].box[0] < columns[1]
        (own if begins else rest).append(_distance(last, row))
    if len(own) < 2:
        return 0.0
    apart = min(own) / RECORD
    near = [distance for distance in rest if distance < apart]
    return apart if len(near) > 1 and len(near) >= MOST_LINES * len(rest) else 0.0


def _is_rest_of_record(
    last: Sequence[TextToken], row: Sequence[TextToken], columns: Sequence[float], near: float
) -> bool:
    """Whether the row has a single text, near below one of the row above and right of the first column."""
    is_under = any(horizontal_overlap(token.box, row[0].box) > 0 for token in last)
    return len(row) == 1 and row[0].box[0] > columns[1] and is_under and _distance(last, row) < near


def _find_row_borders(
    rows: Sequence[Sequence[TextToken]], levels: Sequence[float], between: Sequence[float], box: Box
) -> tuple[float, ...]:
    """Borders in the middle of the white; text `between` two rows belongs to the upper one."""
    extents = [enclosing_box(token.box for token in row) for row in rows]
    middles = [
        max([(upper[3] + lower[1]) / 2, *(y + 1 for y in between if above < y < below)])
        for (upper, lower), (above, below) in zip(pairwise(extents), pairwise(levels), strict=True)
    ]
    return (min(box[1], extents[0][1]), *middles, max(box[3], extents[-1][3]))


def _continues_cells(row: Sequence[TextToken], below: Sequence[TextToken], columns: Sequence[float]) -> bool:
    """Whether `below` is the rest of the cells of `row`: it has text only under text, and no first cell of its own."""
    above, under = ({_column_index(token, columns) for token in part} for part in (row, below))
    if any(is_numeric(token.text) for token in below) or not under <= above or len(below) >= len(row):
        return False
    is_continued = all(token.text[:1].islower() or token.text[:1] in "(&/" for token in below)
    return 0 not in under or (under == {0} and is_continued)


def _column_index(token: TextToken, columns: Sequence[float]) -> int:
    return int(np.clip(np.searchsorted(columns, token.centre[0]) - 1, 0, len(columns) - 2))
