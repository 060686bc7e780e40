"""Counts the rows that each item has already, on disk: millions of items take no memory."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from service.bulk.items import BulkItem, item_key

_CACHE_KIB = 64 * 1024


class ProgressIndex:
    """`take` is for one thread at a time."""

    def __init__(self, path: Path | None = None) -> None:
        """Without `path`, in an anonymous temporary file that is gone on closing."""
        self._database = sqlite3.connect(path or "", check_same_thread=False, isolation_level=None)
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("CREATE TABLE IF NOT EXISTS done (key BLOB PRIMARY KEY, rows INTEGER) WITHOUT ROWID")
        [[self._remaining]] = self._database.execute("SELECT COALESCE(SUM(rows), 0) FROM done")

    def __len__(self) -> int:
        """The number of rows that no item has taken yet."""
        return int(self._remaining)

    def add_rows(self, rows: Iterable[tuple[str, str]]) -> None:
        """Count a row for each of these pairs of id and source."""
        self._database.execute("BEGIN")
        for id, source in rows:
            self._database.execute(
                "INSERT INTO done VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET rows = rows + 1", [item_key(id, source)]
            )
            self._remaining += 1
        self._database.execute("COMMIT")

    def take(self, item: BulkItem) -> bool:
        """Whether the item has a row left; the row then counts for this one listing of the item."""
        if not self._remaining:
            return False
        found = self._database.execute("UPDATE done SET rows = rows - 1 WHERE key = ? AND rows > 0", [item.key])
        self._remaining -= found.rowcount
        return found.rowcount > 0

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> "ProgressIndex":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
