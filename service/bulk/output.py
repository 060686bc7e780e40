"""Output that a later run can resume: JSON lines in one file, or Parquet in a folder.

OUT.jsonl    + .OUT.jsonl.batch.json    the fingerprint of the run that wrote the rows
OUT.parquet/ with _batch.json in it
"""

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from service.bulk import jsonl_file
from service.bulk.dataset import ParquetDataset, put_file
from service.bulk.errors import OutputInvalid, OutputMismatch
from service.bulk.file_listing import is_local, open_file_system
from service.bulk.jsonl_file import JsonlFile
from service.bulk.run_fingerprint import RunFingerprint

_PARQUET = (".parquet", ".pq")
_JSON_LINES = (".jsonl", ".ndjson")


class BulkOutput(Protocol):
    """Where rows go; one thread at a time may call it."""

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """All rows written so far, with at least these columns."""

    def write(self, lines: Sequence[bytes]) -> None:
        """Append rows as `ModerationRow.line` encodes them; a written row survives a killed process.

        Raises OutputInvalid.
        """

    def close(self) -> None: ...


class JsonlOutput:
    def __init__(self, path: Path) -> None:
        self._path, self._lines = path, JsonlFile(path)

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        return jsonl_file.read_rows(self._path)

    def write(self, lines: Sequence[bytes]) -> None:
        self._lines.write(lines)

    def close(self) -> None:
        self._lines.close()


def check_name(name: str) -> None:
    """Raises OutputInvalid."""
    if not name.lower().endswith(_PARQUET + _JSON_LINES):
        raise OutputInvalid(f"{name!r} must end in .jsonl or .parquet")
    if "://" in name and not name.lower().endswith(_PARQUET):
        raise OutputInvalid(f"{name!r} cannot be appended to; an output elsewhere must end in .parquet")


@contextlib.contextmanager
def open_output(name: str, fingerprint: RunFingerprint, *, restart: bool = False) -> Iterator[BulkOutput]:
    """Create the output or resume it; `restart` removes what an earlier run wrote there.

    Raises OutputMismatch if its rows were made under another fingerprint; OutputInvalid if no bulk run wrote it,
    another one is writing it, or it cannot be written.
    """
    check_name(name)
    fs, path = open_file_system(name)
    with _lock(name, path):
        record = _fingerprint_path(path)
        if restart and fs.exists(record):
            _remove(fs, path, record)
        _check_fingerprint(fs, path, record, fingerprint)
        output = JsonlOutput(Path(path)) if path.lower().endswith(_JSON_LINES) else ParquetDataset(name)
        try:
            yield output
        finally:
            output.close()


def _check_fingerprint(fs: Any, path: str, record: str, fingerprint: RunFingerprint) -> None:
    try:
        if not fs.exists(record):
            if fs.exists(path) and (not fs.isdir(path) or fs.ls(path)):
                raise OutputInvalid(f"{path!r} is there already, and no batch wrote it; choose another name")
            fs.makedirs(record.rpartition("/")[0], exist_ok=True)
            put_file(fs, record, fingerprint.dump())
            return
        written = RunFingerprint.load(fs.cat_file(record))
    except OSError as cause:
        raise OutputInvalid(f"cannot write {path!r}: {cause.strerror or cause}") from cause
    except ValueError as cause:
        raise OutputInvalid(f"{record!r} is damaged: {cause}") from cause
    if changes := written.differences(fingerprint):
        raise OutputMismatch(
            f"{path!r} was made under other conditions ({'; '.join(changes)}); "
            "choose another name, or start over with --restart"
        )


def _fingerprint_path(path: str) -> str:
    if path.lower().endswith(_PARQUET):
        return f"{path}/_batch.json"
    folder, _, name = path.rpartition("/")
    return f"{folder}/.{name}.batch.json"


def _remove(fs: Any, path: str, record: str) -> None:
    """The fingerprint goes last: it is what shows that a bulk run wrote the rest."""
    if path.lower().endswith(_JSON_LINES):
        Path(path).unlink(missing_ok=True)
        Path(record).unlink()
    elif not is_local(fs):
        fs.rm(path, recursive=True)
    else:
        for inside in Path(path).iterdir():
            if str(inside) != record:
                inside.unlink() if inside.is_file() else shutil.rmtree(inside)
        Path(record).unlink()


@contextlib.contextmanager
def _lock(name: str, path: str) -> Iterator[None]:
    """A file lock, which ends with a killed run. Object stores have none."""
    if "://" in name:
        yield
        return
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f".{target.name}.lock"), timeout=0):
            yield
    except Timeout as cause:
        raise OutputInvalid(f"another batch is writing {path!r}") from cause
    except OSError as cause:
        raise OutputInvalid(f"cannot write {path!r}: {cause.strerror or cause}") from cause
