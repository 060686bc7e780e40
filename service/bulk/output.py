"""An output that can be taken up again: JSON lines in one file, or Parquet in a folder.

OUT.jsonl    + .OUT.jsonl.batch.json    what the rows were made under
OUT.parquet/ with _batch.json in it
"""

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from service.bulk import jsonl_file
from service.bulk.dataset import Dataset, write_whole
from service.bulk.errors import OutputInvalid, OutputMismatch
from service.bulk.file_listing import file_system, is_local
from service.bulk.jsonl_file import Lines
from service.bulk.run_fingerprint import Conditions

_PARQUET = (".parquet", ".pq")
_LINES = (".jsonl", ".ndjson")


class Output(Protocol):
    """Where rows go. All methods are for one thread at a time."""

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """Those that are there, with at least these columns."""

    def write(self, lines: Sequence[bytes]) -> None:
        """Append rows, as `Row.line` gives them; a row that was written outlives the process. Raises OutputInvalid."""

    def close(self) -> None: ...


class LinesOutput:
    def __init__(self, path: Path) -> None:
        self._path, self._lines = path, Lines(path)

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        return jsonl_file.rows_of(self._path)

    def write(self, lines: Sequence[bytes]) -> None:
        self._lines.write(lines)

    def close(self) -> None:
        self._lines.close()


def check_name(name: str) -> None:
    """Raises OutputInvalid."""
    if not name.lower().endswith(_PARQUET + _LINES):
        raise OutputInvalid(f"{name!r} must end in .jsonl or .parquet")
    if "://" in name and not name.lower().endswith(_PARQUET):
        raise OutputInvalid(f"{name!r} cannot be appended to; an output elsewhere must end in .parquet")


@contextlib.contextmanager
def open_output(name: str, conditions: Conditions, *, restart: bool = False) -> Iterator[Output]:
    """The output, made or taken up again; `restart` removes what an earlier batch wrote there.

    Raises OutputMismatch where its rows were made under other conditions, OutputInvalid where no batch wrote it,
    another one is writing it, or it cannot be written.
    """
    check_name(name)
    fs, path = file_system(name)
    with _locked(name, path):
        record = _record(path)
        if restart and fs.exists(record):
            _remove(fs, path, record)
        _check(fs, path, record, conditions)
        output = LinesOutput(Path(path)) if path.lower().endswith(_LINES) else Dataset(name)
        try:
            yield output
        finally:
            output.close()


def _check(fs: Any, path: str, record: str, conditions: Conditions) -> None:
    try:
        if not fs.exists(record):
            if fs.exists(path) and (not fs.isdir(path) or fs.ls(path)):
                raise OutputInvalid(f"{path!r} is there already, and no batch wrote it; choose another name")
            fs.makedirs(record.rpartition("/")[0], exist_ok=True)
            write_whole(fs, record, conditions.dump())
            return
        made_under = Conditions.load(fs.cat_file(record))
    except OSError as cause:
        raise OutputInvalid(f"cannot write {path!r}: {cause.strerror or cause}") from cause
    except ValueError as cause:
        raise OutputInvalid(f"{record!r} is damaged: {cause}") from cause
    if changes := made_under.changes(conditions):
        raise OutputMismatch(
            f"{path!r} was made under other conditions ({'; '.join(changes)}); "
            "choose another name, or start over with --restart"
        )


def _record(path: str) -> str:
    if path.lower().endswith(_PARQUET):
        return f"{path}/_batch.json"
    folder, _, name = path.rpartition("/")
    return f"{folder}/.{name}.batch.json"


def _remove(fs: Any, path: str, record: str) -> None:
    """The record goes last: without it nobody would know that a batch wrote the rest."""
    if path.lower().endswith(_LINES):
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
def _locked(name: str, path: str) -> Iterator[None]:
    """Where the system can lock: a killed run's lock is gone with it. Object stores have none."""
    if "://" in name:
        yield
        return
    place = Path(path)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(place.with_name(f".{place.name}.lock"), timeout=0):
            yield
    except Timeout as cause:
        raise OutputInvalid(f"another batch is writing {path!r}") from cause
    except OSError as cause:
        raise OutputInvalid(f"cannot write {path!r}: {cause.strerror or cause}") from cause
