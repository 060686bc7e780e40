"""A folder of Parquet files, each of which appears whole or not at all.

OUT.parquet/part-00000.parquet      finished
           /_rows-00001.jsonl       rows that the next part is made of; on this machine only
           /_batch.json             what the rows were made under (conditions.py)

A part is written before its rows' lines are removed; lines whose part exists are left over from a crash in between,
and are removed. Names that begin with "_" or "." are none that readers of Parquet folders look at. On an object
store, which cannot append, rows wait in memory for at most a minute, and a crash costs these.
"""

import contextlib
import io
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import orjson

from service.bulk import optional_imports
from service.bulk.errors import OutputInvalid
from service.bulk.file_listing import file_system, is_local
from service.bulk.jsonl_file import Lines, rows_of
from service.bulk.rows import of_columns, schema, to_columns

ROWS_LOCAL, ROWS_REMOTE, SECONDS_REMOTE = 10_000, 1_000, 60.0

_PART = re.compile(r"part-(\d+)\.parquet$")
_ROWS = re.compile(r"_rows-(\d+)\.jsonl$")


class Dataset:
    """One writer at a time, which the caller sees to."""

    def __init__(self, url: str, *, rows_per_part: int | None = None) -> None:
        """Opens or makes the folder; raises OutputInvalid or ExtraMissing."""
        self._arrow, self._parquet = optional_imports.parquet()
        self._fs, self._path = file_system(url)
        self._is_local = is_local(self._fs)
        self._rows_per_part = rows_per_part or (ROWS_LOCAL if self._is_local else ROWS_REMOTE)
        with self._translated():
            self._fs.makedirs(self._path, exist_ok=True)
        self._waiting: list[bytes] = []
        self._next, self._since = self._recovered(), monotonic()
        self._journal = Lines(self._journal_path()) if self._is_local else None

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """All rows that are safe, those that wait for their part included."""
        for name in self._names(_PART):
            yield from self._rows_of_part(name, columns)
        yield from map(orjson.loads, self._waiting)

    def write(self, lines: Sequence[bytes]) -> None:
        """Raises OutputInvalid."""
        if self._journal is not None:
            self._journal.write(lines)
        self._waiting += lines
        late = self._journal is None and monotonic() - self._since >= SECONDS_REMOTE
        if len(self._waiting) >= self._rows_per_part or late:
            self._finish_part()

    def close(self) -> None:
        """Whatever waits becomes the last part."""
        if self._waiting:
            self._finish_part()
        if self._journal is not None:
            self._journal_path().unlink()

    def _finish_part(self) -> None:
        table = self._arrow.Table.from_pylist(
            [to_columns(orjson.loads(line)) for line in self._waiting], schema=schema(self._arrow)
        )
        with self._translated():
            self._put(f"part-{self._next:05d}.parquet", table)
        if self._journal is not None:
            self._journal_path().unlink()
        self._next, self._since = self._next + 1, monotonic()
        self._waiting.clear()
        self._journal = Lines(self._journal_path()) if self._is_local else None

    def _put(self, name: str, table: Any) -> None:
        file = io.BytesIO()
        self._parquet.write_table(table, file, compression="zstd")
        write_whole(self._fs, f"{self._path}/{name}", file.getvalue())

    def _recovered(self) -> int:
        """The number of the next part. Reads the lines that a killed run left, unless their part is there."""
        numbers = [int(_PART.search(name).group(1)) for name in self._names(_PART)]  # type: ignore[union-attr]
        number = max(numbers, default=-1) + 1
        for name in self._names(_ROWS) if self._is_local else []:
            path = Path(self._path) / name
            if int(_ROWS.search(name).group(1)) < number:  # type: ignore[union-attr]
                path.unlink()
            else:
                Lines(path)  # cuts off what is torn
                self._waiting += [orjson.dumps(row) for row in rows_of(path)]
        return number

    def _rows_of_part(self, name: str, columns: Sequence[str] | None) -> Iterator[dict[str, Any]]:
        try:
            with self._fs.open(f"{self._path}/{name}", "rb") as file:
                for batch in self._parquet.ParquetFile(file).iter_batches(1_000, columns=columns):
                    yield from (of_columns(row) if columns is None else row for row in batch.to_pylist())
        except self._arrow.ArrowException as cause:
            raise OutputInvalid(f"{name} in {self._path!r} is no part of a batch: {cause}") from cause

    def _names(self, pattern: re.Pattern[str]) -> list[str]:
        with self._translated():
            self._fs.invalidate_cache()
            names = [str(name).rpartition("/")[2] for name in self._fs.ls(self._path, detail=False)]
        return sorted(name for name in names if pattern.match(name))

    def _journal_path(self) -> Path:
        return Path(self._path) / f"_rows-{self._next:05d}.jsonl"

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as cause:
            raise OutputInvalid(f"cannot write {self._path!r}: {cause.strerror or cause}") from cause


def write_whole(fs: Any, path: str, data: bytes) -> None:
    """A file that readers see whole or not at all. Object stores do that by themselves."""
    if not is_local(fs):
        fs.pipe_file(path, data)
        return
    target = Path(path)
    part = target.with_name(f".{target.name}.tmp")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(target)
