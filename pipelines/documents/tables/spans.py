"""Cells over several rows of a table without lines, from where their text stands.

What stands in the middle of rows whose places beside it are empty is one cell with them. Text at the top of such rows
can as well be one cell above empty ones, so there something else has to say that they belong together. Text at the
bottom never is: that is how a table without spans is set.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from pipelines.documents.boxes import centre, union
from pipelines.documents.tables.cell_builder import Place
from pipelines.documents.tables.grid import Grid
from pipelines.documents.tables.ruling_lines import Rules
from pipelines.documents.tables.tokens import Piece, is_numeric

LEVEL = 0.25  # of the distance between rows that text may be off its row, or off the middle of several
ONE_LABEL = 0.75  # of that distance: lines nearer to each other are one label
APART = 1.25  # white between two groups of rows, in that within them
FILLED = 0.75  # of the places that a group's first row has text in, which its other rows have text in, too


Label = tuple[Piece, ...]  # all lines of it


@dataclass(frozen=True)
class Group:
    """Rows from first to last, both included, and the label that they have in one column."""

    first: int
    last: int
    label: Label

    @property
    def is_tall(self) -> bool:
        return self.last > self.first


def with_row_spans(places: Sequence[Place], grid: Grid, rules: Rules, headers: int) -> list[Place]:
    """The places with those joined that are one cell; the first `headers` rows are apart from the others."""
    table = _Rows(tuple(places), grid, rules)
    groups = [(column, group) for column in range(grid.columns) for group in table.heads(column, headers)]
    for column in range(grid.columns):
        groups += [(column, group) for group in table.middles(column, headers)]
    if not any(column == 0 and group.first >= headers for column, group in groups):
        groups += [(0, group) for group in table.tops(headers)]
    joined = [Place(group.first, column, group.last, column, list(group.label)) for column, group in groups]
    taken = {spot for place in joined for spot in place.covers()}
    return joined + [place for place in places if (place.row, place.column) not in taken]


@dataclass(frozen=True)
class _Rows:
    """A table of places that are one row high."""

    places: tuple[Place, ...]
    grid: Grid
    rules: Rules

    @property
    def pitch(self) -> float:
        return median(below - above for above, below in pairwise(self.grid.levels))

    def heads(self, column: int, headers: int) -> Iterator[Group]:
        """The one name that a column has beside headings over several columns."""
        inside = [one for one in self.places if one.row < headers and one.column <= column <= one.last_column]
        written = [one for one in inside if one.pieces]
        if headers < 2 or len(written) != 1:
            return
        label = tuple(written[0].pieces)
        is_above = self.grid.levels[headers - 1] - _level(label) > LEVEL * self.pitch
        group = Group(0, headers - 1, label)
        if is_above and self._has_parents(headers) and self._is_clear(column, group):
            yield group

    def _has_parents(self, headers: int) -> bool:
        """Whether headings over several columns have a name under them in each."""
        wide = [one for one in self.places if one.row < headers - 1 and one.last_column > one.column and one.pieces]
        under = {one.column for one in self.places if one.row == headers - 1 and one.pieces}
        return bool(wide) and all(under.issuperset(range(one.column, one.last_column + 1)) for one in wide)

    def middles(self, column: int, headers: int) -> list[Group]:
        """Groups that fill the rows, each with its label in the middle; none where one of them has it elsewhere."""
        labels = self._labels(column, headers)
        lined = self._between_lines(column, labels, headers)
        groups = lined or self._around(labels, headers)
        tall = [one for one in groups if one.is_tall]
        is_between = any(self._row(one.label) is None for one in tall)
        is_inside = len(tall) > 1 and groups[0].is_tall and groups[-1].is_tall  # so no label begins or ends its rows
        is_sure = is_between or (column == 0 and (bool(lined) or is_inside))
        return tall if is_sure and all(self._is_clear(column, one) for one in tall) else []

    def _between_lines(self, column: int, labels: Sequence[Label], headers: int) -> list[Group]:
        """The groups that lines part, each with what stands in its middle; none where there are no lines."""
        grid = self.grid
        inner = [row for row in range(headers + 1, grid.rows) if self._is_ruled(row, column)]
        groups = []
        for first, end in pairwise([headers, *inner, grid.rows]):
            own = [one for one in labels if grid.ys[first] < _level(one) < grid.ys[end]]
            label = tuple(piece for one in own for piece in one)
            is_one = len(own) == 1 or (column == 0 and all(self._row(one) is None for one in own))
            if not label or not is_one or abs(_level(label) - self._middle(first, end - 1)) > LEVEL * self.pitch:
                return []
            groups.append(Group(first, end - 1, label))
        return groups if inner else []

    def _around(self, labels: Sequence[Label], headers: int) -> list[Group]:
        """Each label with as many rows above as below it."""
        groups: list[Group] = []
        for label in labels:
            first = groups[-1].last + 1 if groups else headers
            last = min(
                range(first, self.grid.rows),
                key=lambda row: abs(self._middle(first, row) - _level(label)),
                default=None,
            )
            if last is None or abs(self._middle(first, last) - _level(label)) > LEVEL * self.pitch:
                return []
            groups.append(Group(first, last, label))
        return groups if groups and groups[-1].last == self.grid.rows - 1 else []

    def _middle(self, first: int, last: int) -> float:
        return (self.grid.levels[first] + self.grid.levels[last]) / 2

    def tops(self, headers: int) -> list[Group]:
        """Groups of rows that begin with a label in the first column."""
        labels = {self._row(label): label for label in self._labels(0, headers)}
        begins = [row for row in labels if row is not None]
        if begins[:1] != [headers] or len(begins) < len(labels) or self.grid.columns < 3:
            return []
        groups = [Group(a, b - 1, labels[a]) for a, b in pairwise([*begins, self.grid.rows])]
        tall = [one for one in groups if one.is_tall]
        if not tall or not all(self._is_clear(0, one) and self._is_even(one) for one in tall):
            return []
        may_be_ends = not groups[0].is_tall and not groups[-1].is_tall  # the labels at the bottom of groups
        is_only_way = not may_be_ends and not self._around(list(labels.values()), headers)
        return tall if self._are_apart(groups) or (is_only_way and self._are_named(tall, headers)) else []

    def _row(self, label: Label) -> int | None:
        """The row that a label is level with."""
        near = [abs(level - _level(label)) for level in self.grid.levels]
        return near.index(min(near)) if min(near) <= LEVEL * self.pitch else None

    def _are_apart(self, groups: Sequence[Group]) -> bool:
        """Whether lines, or more white than within them, part all groups."""
        borders = [one.first for one in groups[1:]]
        inner = [row for one in groups for row in range(one.first + 1, one.last + 1)]
        if not borders or all(self._is_ruled(row, 0) for row in borders):
            return bool(borders)
        apart = {row: self.grid.levels[row] - self.grid.levels[row - 1] for row in range(1, self.grid.rows)}
        return min(apart[row] for row in borders) > APART * max(apart[row] for row in inner)

    def _are_named(self, tall: Sequence[Group], headers: int) -> bool:
        """Whether groups make up most of the table and their rows have names of their own."""
        rows = [row for one in tall for row in range(one.first, one.last + 1)]
        names = {one.row: one.pieces for one in self.places if one.column == 1 and one.pieces}
        labels = [one.label[0].text for one in tall]
        is_most = 2 * len(rows) >= self.grid.rows - headers
        texts = [*labels, *(names[row][0].text for row in rows if row in names)]
        return len(tall) > 1 and is_most and names.keys() >= set(rows) and not any(map(is_numeric, texts))

    def _is_even(self, group: Group) -> bool:
        """Whether rows have text where the first of them has."""
        filled = [
            {one.column for one in self.places if one.row == row and one.column and one.pieces}
            for row in range(group.first, group.last + 1)
        ]
        return all(1 in one and len(one & filled[0]) >= FILLED * len(filled[0]) for one in filled)

    def _labels(self, column: int, headers: int) -> list[Label]:
        """The texts of a column, each with all of its lines; none where one would have lines level with two rows."""
        inside = [one for one in self.places if one.column == column and one.row >= headers]
        labels: list[Label] = []
        for one in sorted((piece for place in inside for piece in place.pieces), key=lambda piece: piece.centre[1]):
            if labels and one.centre[1] - labels[-1][-1].centre[1] < ONE_LABEL * self.pitch:
                labels[-1] += (one,)
            else:
                labels.append((one,))
        is_plain = all(len({self._row((piece,)) for piece in label} - {None}) <= 1 for label in labels)
        return labels if is_plain else []

    def _is_clear(self, column: int, group: Group) -> bool:
        """Whether nothing but its label stands in the group, and no line runs through it."""
        inside = [one for one in self.places if group.first <= one.row <= group.last and one.column <= column]
        inside = [one for one in inside if column <= one.last_column]
        is_own = all(one.column == one.last_column for one in inside)
        is_all = {piece for one in inside for piece in one.pieces} == set(group.label)
        return (
            is_own and is_all and not any(self._is_ruled(row, column) for row in range(group.first + 1, group.last + 1))
        )

    def _is_ruled(self, row: int, column: int) -> bool:
        """Whether a line runs over a place."""
        xs = self.grid.xs
        return self.rules.underlines(self.grid.ys[row], xs[column], xs[column + 1], LEVEL * self.pitch)


def _level(label: Label) -> float:
    return centre(union(one.box for one in label))[1]
