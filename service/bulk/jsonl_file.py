"""An append-only file of JSON lines: a killed writer loses at most its last line."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO

import orjson

from service.bulk.errors import OutputInvalid

SYNC_SECONDS = 5.0  # what a power failure may lose; a killed process loses nothing that was written

_BLOCK = 2**16


class JsonlFile:
    """The caller makes sure that there is one writer at a time. The file is open only while lines are written."""

    def __init__(self, path: Path) -> None:
        """Open or create the file, and cut off an unfinished last line; raises OutputInvalid."""
        self._path, self._synced = path, monotonic()
        try:
            with path.open("ab+") as file:
                cut_torn_line(file)
        except OSError as cause:
            raise _not_writable(path, cause) from cause

    def write(self, lines: Sequence[bytes]) -> None:
        """Raises OutputInvalid."""
        try:
            with self._path.open("ab") as file:
                file.writelines(line + b"\n" for line in lines)
                file.flush()
                if monotonic() - self._synced >= SYNC_SECONDS:
                    os.fsync(file.fileno())
                    self._synced = monotonic()
        except OSError as cause:
            raise _not_writable(self._path, cause) from cause

    def close(self) -> None:
        with self._path.open("ab") as file:
            os.fsync(file.fileno())


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Raises OutputInvalid, naming the line, if one is not a row."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                row = orjson.loads(line)
                row["id"], row["source"]
            except (orjson.JSONDecodeError, TypeError, KeyError, IndexError) as cause:
                raise OutputInvalid(f"line {number} of {str(path)!r} is no row of a batch") from cause
            yield row


def cut_torn_line(file: BinaryIO) -> None:
    end = file.seek(0, os.SEEK_END)
    start = end
    while start > 0:
        start = max(0, start - _BLOCK)
        file.seek(start)
        block = file.read(min(_BLOCK, end - start))
        if (found := block.rfind(b"\n")) >= 0:
            start += found + 1
            break
    if start < end:
        file.truncate(start)
    file.seek(0, os.SEEK_END)


def _not_writable(path: Path, cause: OSError) -> OutputInvalid:
    return OutputInvalid(f"cannot write {str(path)!r}: {cause.strerror or cause}")
