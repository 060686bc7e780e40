"""The items that an output has rows for already, on disk: millions of them cost no memory."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from service.bulk.items import Item, key_of

_CACHE_KIB = 64 * 1024


class Done:
    """How many rows each item has. `take` is for one thread at a time."""

    def __init__(self, path: Path | None = None) -> None:
        """Without `path`, in a temporary file that nobody else can open and that is gone on closing."""
        self._base = sqlite3.connect(path or "", check_same_thread=False, isolation_level=None)
        self._base.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._base.execute("PRAGMA journal_mode = OFF")
        self._base.execute("PRAGMA synchronous = OFF")
        self._base.execute("CREATE TABLE IF NOT EXISTS done (key BLOB PRIMARY KEY, rows INTEGER) WITHOUT ROWID")
        [[self._left]] = self._base.execute("SELECT COALESCE(SUM(rows), 0) FROM done")

    def __len__(self) -> int:
        """Rows that no item has taken yet."""
        return int(self._left)

    def add(self, rows: Iterable[tuple[str, str]]) -> None:
        """Note the rows of these ids and sources."""
        self._base.execute("BEGIN")
        for id, source in rows:
            self._base.execute(
                "INSERT INTO done VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET rows = rows + 1", [key_of(id, source)]
            )
            self._left += 1
        self._base.execute("COMMIT")

    def take(self, item: Item) -> bool:
        """Whether there is a row for it, which counts for this one listing of the item alone."""
        if not self._left:
            return False
        found = self._base.execute("UPDATE done SET rows = rows - 1 WHERE key = ? AND rows > 0", [item.key])
        self._left -= found.rowcount
        return found.rowcount > 0

    def close(self) -> None:
        self._base.close()

    def __enter__(self) -> "Done":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
