"""A table cell under construction."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

from pipelines.documents.tables.tokens import TextToken


@dataclass
class CellBuilder:
    """The cell's range of rows and columns, first and last included, and its text so far."""

    row: int
    column: int
    last_row: int
    last_column: int
    tokens: list[TextToken] = field(default_factory=list)

    def positions(self) -> Iterator[tuple[int, int]]:
        return product(range(self.row, self.last_row + 1), range(self.column, self.last_column + 1))
