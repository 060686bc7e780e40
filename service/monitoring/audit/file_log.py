"""A journal in a folder: NAME-2026-11-24.jsonl for each UTC day.

A line is found by its result id, which begins with its time: the day names the file, and as lines stand almost in the
order of their times, bisection leads to the few kilobytes that have to be searched.
"""

import asyncio
import fcntl
import mmap
import os
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from pipelines.errors import RequestRejected
from pipelines.findings import made_at
from service.monitoring.audit.log import Line, Lines, beginning
from service.monitoring.errors import AuditUnavailable

OUT_OF_ORDER_SECONDS = 10.0  # that a line may stand behind one of a later time: writers gather, and take turns
_CURSOR = re.compile(r"(\d{4}-\d\d-\d\d):(\d{1,18})")
_TIME = re.compile(rb'\n\{"result_id":"res_([0-9a-f]{12})')


@dataclass(frozen=True)
class FileJournal:
    folder: Path
    name: str
    keep_seconds: float

    def check(self) -> None:
        """Raises AuditUnavailable where the folder cannot be written to."""
        with self._translated():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not os.access(self.folder, os.W_OK | os.X_OK):
                raise AuditUnavailable(f"{self.folder} cannot be written to")

    async def append(self, lines: Sequence[Line]) -> None:
        await asyncio.to_thread(self._append, lines)

    async def find(self, result_id: str) -> bytes | None:
        at = made_at(result_id)
        return None if at is None else await asyncio.to_thread(self._find, self._path(_day(at)), result_id, at)

    async def read(self, after: str, limit: int) -> Lines:
        found = _CURSOR.fullmatch(after)
        if after and found is None:
            raise RequestRejected(f"after: {after[:80]!r} is no cursor of this list")
        day, offset = (found[1], int(found[2])) if found else ("", 0)
        return await asyncio.to_thread(self._read, day, offset, limit)

    async def prune(self) -> None:
        await asyncio.to_thread(self._prune)

    def _append(self, lines: Sequence[Line]) -> None:
        with self._translated():
            for day, group in groupby(sorted(lines, key=lambda line: line.at), lambda line: _day(line.at)):
                self._write(self._path(day), b"".join(line.data + b"\n" for line in group))

    def _write(self, path: Path, data: bytes) -> None:
        """One write, and one process at a time: the file grows in steps that others could take for half a line."""
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            size = os.fstat(file).st_size
            torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"  # a full disk or a crash left half a line
            data = b"\n" + data if torn else data
            if os.write(file, data) < len(data):
                raise AuditUnavailable(f"{path}: the disk is full")
        finally:
            os.close(file)

    def _find(self, path: Path, result_id: str, at: float) -> bytes | None:
        with self._translated():
            try:
                with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
                    return _found(text, beginning(result_id), at)
            except (FileNotFoundError, ValueError):  # no such day; nothing in it
                return None

    def _read(self, day: str, offset: int, limit: int) -> Lines:
        lines: list[bytes] = []
        with self._translated():
            for path in self._paths():
                if (its := self._day_of(path)) < day:
                    continue
                with path.open("rb") as file:
                    place = file.seek(offset if its == day else 0)
                    while len(lines) < limit and (line := file.readline()).endswith(b"\n"):
                        place += len(line)
                        lines.append(line[:-1])
                day, offset = its, place
        return Lines(lines, f"{day}:{offset}" if day else "")

    def _prune(self) -> None:
        """By whole days: a line is kept up to a day longer than asked for, never shorter."""
        oldest = _day(datetime.now(UTC).timestamp() - self.keep_seconds)
        with self._translated():
            for path in self._paths():
                if self._day_of(path) < oldest:
                    path.unlink(missing_ok=True)

    def _path(self, day: str) -> Path:
        return self.folder / f"{self.name}-{day}.jsonl"

    def _paths(self) -> list[Path]:
        """Oldest first."""
        return sorted(self.folder.glob(f"{self.name}-????-??-??.jsonl"))

    def _day_of(self, path: Path) -> str:
        return path.stem.removeprefix(f"{self.name}-")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as cause:
            raise AuditUnavailable(f"{self.folder}: {cause.strerror or cause}") from cause


def _found(text: mmap.mmap, wanted: bytes, at: float) -> bytes | None:
    """Where it should be, or else anywhere: a disk may have kept a writer waiting."""
    first, last = (_place(text, at + aside) for aside in (-OUT_OF_ORDER_SECONDS, OUT_OF_ORDER_SECONDS))
    start = text.find(wanted, first, last + len(wanted))
    if start < 0:
        start = text.find(wanted)
    if start < 0:
        return None
    end = text.find(b"\n", start)
    return text[start : end if end >= 0 else len(text)]


def _place(text: mmap.mmap, at: float) -> int:
    """Where the lines from the time `at` on begin, roughly."""

    def time_behind(place: int) -> float:
        found = _TIME.search(text, place)
        return int(found[1], 16) / 1000 if found else float("inf")

    return bisect_left(range(len(text)), at, key=time_behind)


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
