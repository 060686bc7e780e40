"""Rows in a folder of Parquet files, each of which appears whole or not at all.

OUT.parquet/part-00000.parquet      finished
           /_rows-00001.jsonl       rows that the next part is made of; on this machine only
           /_batch.json             the fingerprint of the run (run_fingerprint.py)

A part is written before the lines of its rows are removed; lines whose part exists are left over from a crash in
between, and are removed. Readers of Parquet folders ignore names that begin with "_" or ".". On an object store, which
cannot append, rows wait in memory for at most a minute, and a crash loses these.
"""

import contextlib
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import orjson

from models.atomic_write import write_atomically
from service.bulk import optional_imports
from service.bulk.errors import OutputInvalid
from service.bulk.file_listing import is_local, open_file_system
from service.bulk.jsonl_file import JsonlFile, read_rows
from service.bulk.rows import from_columns, parquet_schema, to_columns

LOCAL_PART_ROWS, REMOTE_PART_ROWS, REMOTE_PART_SECONDS = 10_000, 1_000, 60.0

_PART = re.compile(r"part-(\d+)\.parquet$")
_ROWS = re.compile(r"_rows-(\d+)\.jsonl$")


class ParquetDataset:
    """The caller makes sure that there is one writer at a time."""

    def __init__(self, url: str, *, rows_per_part: int | None = None) -> None:
        """Open or create the folder; raises OutputInvalid or ExtraMissing."""
        self._arrow, self._parquet = optional_imports.load_parquet()
        self._fs, self._path = open_file_system(url)
        self._is_local = is_local(self._fs)
        self._rows_per_part = rows_per_part or (LOCAL_PART_ROWS if self._is_local else REMOTE_PART_ROWS)
        with self._translate_errors():
            self._fs.makedirs(self._path, exist_ok=True)
        self._waiting: list[bytes] = []
        self._next, self._since = self._recover(), monotonic()
        self._journal = JsonlFile(self._journal_path()) if self._is_local else None

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """All rows, including those that wait for their part."""
        for name in self._names(_PART):
            yield from self._read_part(name, columns)
        yield from map(orjson.loads, self._waiting)

    def write(self, lines: Sequence[bytes]) -> None:
        """Raises OutputInvalid."""
        if self._journal is not None:
            self._journal.write(lines)
        self._waiting += lines
        is_late = self._journal is None and monotonic() - self._since >= REMOTE_PART_SECONDS
        if len(self._waiting) >= self._rows_per_part or is_late:
            self._finish_part()

    def close(self) -> None:
        """Write the waiting rows as the last part."""
        if self._waiting:
            self._finish_part()
        if self._journal is not None:
            self._journal_path().unlink()

    def _finish_part(self) -> None:
        table = self._arrow.Table.from_pylist(
            [to_columns(orjson.loads(line)) for line in self._waiting], schema=parquet_schema(self._arrow)
        )
        with self._translate_errors():
            self._write_part(f"part-{self._next:05d}.parquet", table)
        if self._journal is not None:
            self._journal_path().unlink()
        self._next, self._since = self._next + 1, monotonic()
        self._waiting.clear()
        self._journal = JsonlFile(self._journal_path()) if self._is_local else None

    def _write_part(self, name: str, table: Any) -> None:
        file = io.BytesIO()
        self._parquet.write_table(table, file, compression="zstd")
        put_file(self._fs, f"{self._path}/{name}", file.getvalue())

    def _recover(self) -> int:
        """The number of the next part. Loads the lines that a killed run left, unless their part exists."""
        numbers = [int(_PART.search(name).group(1)) for name in self._names(_PART)]  # type: ignore[union-attr]
        number = max(numbers, default=-1) + 1
        for name in self._names(_ROWS) if self._is_local else []:
            path = Path(self._path) / name
            if int(_ROWS.search(name).group(1)) < number:  # type: ignore[union-attr]
                path.unlink()
            else:
                JsonlFile(path)  # cuts off a torn last line
                self._waiting += [orjson.dumps(row) for row in read_rows(path)]
        return number

    def _read_part(self, name: str, columns: Sequence[str] | None) -> Iterator[dict[str, Any]]:
        try:
            with self._fs.open(f"{self._path}/{name}", "rb") as file:
                for batch in self._parquet.ParquetFile(file).iter_batches(1_000, columns=columns):
                    yield from (from_columns(row) if columns is None else row for row in batch.to_pylist())
        except self._arrow.ArrowException as cause:
            raise OutputInvalid(f"{name} in {self._path!r} is no part of a batch: {cause}") from cause

    def _names(self, pattern: re.Pattern[str]) -> list[str]:
        with self._translate_errors():
            self._fs.invalidate_cache()
            names = [str(name).rpartition("/")[2] for name in self._fs.ls(self._path, detail=False)]
        return sorted(name for name in names if pattern.match(name))

    def _journal_path(self) -> Path:
        return Path(self._path) / f"_rows-{self._next:05d}.jsonl"

    @contextlib.contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as cause:
            raise OutputInvalid(f"cannot write {self._path!r}: {cause.strerror or cause}") from cause


def put_file(fs: Any, path: str, data: bytes) -> None:
    """Object stores never show half a file; for a local folder `write_atomically` sees to that."""
    if is_local(fs):
        write_atomically(Path(path), data)
    else:
        fs.pipe_file(path, data)
