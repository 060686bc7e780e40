"""A cell while it is built."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

from pipelines.documents.tables.tokens import Piece


@dataclass
class Place:
    """Rows and columns from first to last, both included."""

    row: int
    column: int
    last_row: int
    last_column: int
    pieces: list[Piece] = field(default_factory=list)

    def covers(self) -> Iterator[tuple[int, int]]:
        return product(range(self.row, self.last_row + 1), range(self.column, self.last_column + 1))
