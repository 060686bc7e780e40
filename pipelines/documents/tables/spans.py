"""Finds cells that span several rows of a table without lines, from the position of their text.

Text in the middle of rows that are otherwise empty in its column spans those rows. Text at the top of such rows may
just as well stand above empty cells, so it needs further evidence. Text at the bottom never spans: tables without
spans are set that way.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from pipelines.boxes import box_centre, enclosing_box
from pipelines.documents.tables.cell_builder import CellBuilder
from pipelines.documents.tables.grid import Grid
from pipelines.documents.tables.ruling_lines import RulingLines
from pipelines.documents.tables.tokens import TextToken, is_numeric

LEVEL = 0.25  # distance of a text from the middle of its row or rows, in row distances, at most
ONE_LABEL = 0.75  # distance between two lines of one label, in row distances, at most
GROUP_GAP = 1.25  # distance between two groups of rows, relative to rows within a group, at least
FILLED = 0.75  # share of the columns filled in a group's first row that its other rows fill, too, at least


LabelTokens = tuple[TextToken, ...]  # of all lines of a label


@dataclass(frozen=True)
class RowGroup:
    """Rows from first to last, both included, and their label in one column."""

    first: int
    last: int
    label: LabelTokens

    @property
    def has_several_rows(self) -> bool:
        return self.last > self.first


def join_row_spans(
    cells: Sequence[CellBuilder], grid: Grid, ruling_lines: RulingLines, header_rows: int
) -> list[CellBuilder]:
    """Join cells that are one cell over several rows; none spans both header and body."""
    table = _UnruledTable(tuple(cells), grid, ruling_lines, header_rows)
    groups = [(column, group) for column in range(grid.columns) for group in table.find_header_names(column)]
    for column in range(grid.columns):
        groups += [(column, group) for group in table.find_centred_groups(column)]
    if not any(column == 0 and group.first >= header_rows for column, group in groups):
        groups += [(0, group) for group in table.find_top_labelled_groups()]
    joined = [CellBuilder(group.first, column, group.last, column, list(group.label)) for column, group in groups]
    replaced = {position for cell in joined for position in cell.positions()}
    return joined + [cell for cell in cells if (cell.row, cell.column) not in replaced]


@dataclass(frozen=True)
class _UnruledTable:
    """A table whose cells are one row high; the first `header_rows` rows are its header."""

    cells: tuple[CellBuilder, ...]
    grid: Grid
    ruling_lines: RulingLines
    header_rows: int

    @property
    def row_distance(self) -> float:
        return median(below - above for above, below in pairwise(self.grid.levels))

    def find_header_names(self, column: int) -> Iterator[RowGroup]:
        """The name of a column that stands beside headings over several columns: it spans the header."""
        header = [cell for cell in self.cells if cell.row < self.header_rows]
        filled = [cell for cell in header if cell.column <= column <= cell.last_column and cell.tokens]
        if self.header_rows < 2 or len(filled) != 1:
            return
        label = tuple(filled[0].tokens)
        is_above = self.grid.levels[self.header_rows - 1] - _level(label) > LEVEL * self.row_distance
        group = RowGroup(0, self.header_rows - 1, label)
        if is_above and self._has_names_under_headings() and self._is_clear(column, group):
            yield group

    def _has_names_under_headings(self) -> bool:
        """Whether each heading over several columns has a name under it in each of them."""
        last = self.header_rows - 1
        wide = [cell for cell in self.cells if cell.row < last and cell.last_column > cell.column and cell.tokens]
        named = {cell.column for cell in self.cells if cell.row == last and cell.tokens}
        return bool(wide) and all(named.issuperset(range(cell.column, cell.last_column + 1)) for cell in wide)

    def find_centred_groups(self, column: int) -> list[RowGroup]:
        """Groups that fill the body, each with its label in the middle; none if any label stands elsewhere."""
        labels = self._find_labels(column)
        ruled = self._groups_between_lines(column, labels)
        groups = ruled or self._groups_around_labels(labels)
        tall = [group for group in groups if group.has_several_rows]
        is_between_rows = any(self._find_level_row(group.label) is None for group in tall)
        # With several rows in the first and last group, no label is the first or last row of its group.
        is_inside = len(tall) > 1 and groups[0].has_several_rows and groups[-1].has_several_rows
        is_certain = is_between_rows or (column == 0 and (bool(ruled) or is_inside))
        return tall if is_certain and all(self._is_clear(column, group) for group in tall) else []

    def _groups_between_lines(self, column: int, labels: Sequence[LabelTokens]) -> list[RowGroup]:
        """Groups separated by lines, each with a label in its middle; none if there are no lines."""
        grid, body = self.grid, self.header_rows
        inner = [row for row in range(body + 1, grid.rows) if self._is_ruled(row, column)]
        groups = []
        for first, end in pairwise([body, *inner, grid.rows]):
            own = [label for label in labels if grid.ys[first] < _level(label) < grid.ys[end]]
            label = tuple(token for part in own for token in part)
            is_between_rows = all(self._find_level_row(part) is None for part in own)
            is_one = len(own) == 1 or (column == 0 and is_between_rows)
            if not label or not is_one or not self._is_centred(label, first, end - 1):
                return []
            groups.append(RowGroup(first, end - 1, label))
        return groups if inner else []

    def _groups_around_labels(self, labels: Sequence[LabelTokens]) -> list[RowGroup]:
        """Groups with as many rows above their label as below it; none if they do not fill the body."""
        groups: list[RowGroup] = []
        for label in labels:
            first = groups[-1].last + 1 if groups else self.header_rows
            last = min(
                range(first, self.grid.rows),
                key=lambda row: abs(self._middle(first, row) - _level(label)),
                default=None,
            )
            if last is None or not self._is_centred(label, first, last):
                return []
            groups.append(RowGroup(first, last, label))
        return groups if groups and groups[-1].last == self.grid.rows - 1 else []

    def _is_centred(self, label: LabelTokens, first: int, last: int) -> bool:
        return abs(_level(label) - self._middle(first, last)) <= LEVEL * self.row_distance

    def _middle(self, first: int, last: int) -> float:
        """The y in the middle of a range of rows."""
        return (self.grid.levels[first] + self.grid.levels[last]) / 2

    def find_top_labelled_groups(self) -> list[RowGroup]:
        """Groups of rows that begin with a label in the first column."""
        labels = {self._find_level_row(label): label for label in self._find_labels(0)}
        starts = [row for row in labels if row is not None]
        if starts[:1] != [self.header_rows] or len(starts) < len(labels) or self.grid.columns < 3:
            return []
        groups = [RowGroup(start, end - 1, labels[start]) for start, end in pairwise([*starts, self.grid.rows])]
        tall = [group for group in groups if group.has_several_rows]
        if not tall or not all(self._is_clear(0, group) and self._is_evenly_filled(group) for group in tall):
            return []
        may_end_groups = not groups[0].has_several_rows and not groups[-1].has_several_rows
        is_only_reading = not may_end_groups and not self._groups_around_labels(list(labels.values()))
        return tall if self._are_separated(groups) or (is_only_reading and self._have_named_rows(tall)) else []

    def _find_level_row(self, label: LabelTokens) -> int | None:
        """The row that a label is level with."""
        distances = [abs(level - _level(label)) for level in self.grid.levels]
        nearest = min(distances)
        return distances.index(nearest) if nearest <= LEVEL * self.row_distance else None

    def _are_separated(self, groups: Sequence[RowGroup]) -> bool:
        """Whether all groups are separated by lines, or by more white than their rows."""
        starts = [group.first for group in groups[1:]]
        inner = [row for group in groups for row in range(group.first + 1, group.last + 1)]
        if not starts or all(self._is_ruled(row, 0) for row in starts):
            return bool(starts)
        distance = {row: self.grid.levels[row] - self.grid.levels[row - 1] for row in range(1, self.grid.rows)}
        return min(distance[row] for row in starts) > GROUP_GAP * max(distance[row] for row in inner)

    def _have_named_rows(self, tall: Sequence[RowGroup]) -> bool:
        """Whether several groups make up most of the table, and each of their rows has a name of its own."""
        rows = [row for group in tall for row in range(group.first, group.last + 1)]
        names = {cell.row: cell.tokens for cell in self.cells if cell.column == 1 and cell.tokens}
        labels = [group.label[0].text for group in tall]
        is_most = 2 * len(rows) >= self.grid.rows - self.header_rows
        texts = [*labels, *(names[row][0].text for row in rows if row in names)]
        return len(tall) > 1 and is_most and names.keys() >= set(rows) and not any(map(is_numeric, texts))

    def _is_evenly_filled(self, group: RowGroup) -> bool:
        """Whether all rows have a name, and text in most columns in which the first row has text."""
        filled = [
            {cell.column for cell in self.cells if cell.row == row and cell.column and cell.tokens}
            for row in range(group.first, group.last + 1)
        ]
        return all(1 in columns and len(columns & filled[0]) >= FILLED * len(filled[0]) for columns in filled)

    def _find_labels(self, column: int) -> list[LabelTokens]:
        """The texts of a column's body, each with all its lines; none if one has lines level with two rows."""
        body = [cell for cell in self.cells if cell.column == column and cell.row >= self.header_rows]
        labels: list[LabelTokens] = []
        for token in sorted((token for cell in body for token in cell.tokens), key=lambda token: token.centre[1]):
            if labels and token.centre[1] - labels[-1][-1].centre[1] < ONE_LABEL * self.row_distance:
                labels[-1] += (token,)
            else:
                labels.append((token,))
        rows = [{self._find_level_row((token,)) for token in label} - {None} for label in labels]
        return labels if all(len(level_rows) <= 1 for level_rows in rows) else []

    def _is_clear(self, column: int, group: RowGroup) -> bool:
        """Whether the group contains nothing but its label, and no line runs through it."""
        rows = [cell for cell in self.cells if group.first <= cell.row <= group.last]
        inside = [cell for cell in rows if cell.column <= column <= cell.last_column]
        is_one_column = all(cell.column == cell.last_column for cell in inside)
        has_only_label = {token for cell in inside for token in cell.tokens} == set(group.label)
        is_ruled = any(self._is_ruled(row, column) for row in range(group.first + 1, group.last + 1))
        return is_one_column and has_only_label and not is_ruled

    def _is_ruled(self, row: int, column: int) -> bool:
        """Whether a line runs above the row in this column."""
        xs = self.grid.xs
        return self.ruling_lines.has_horizontal(
            self.grid.ys[row], xs[column], xs[column + 1], LEVEL * self.row_distance
        )


def _level(label: LabelTokens) -> float:
    """The y of a label's middle."""
    return box_centre(enclosing_box(token.box for token in label))[1]
