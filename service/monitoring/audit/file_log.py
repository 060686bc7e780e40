"""An event log in a folder: NAME-2026-11-24.jsonl for each UTC day.

A line is found by its result id, which begins with its time: the day names the file, and as lines are almost in the
order of their times, bisection leads to the few kilobytes that have to be searched.
"""

import asyncio
import fcntl
import mmap
import os
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from pipelines.errors import RequestRejected
from pipelines.findings import result_time
from pipelines.linear_patterns import compile_bytes, text_is
from service.monitoring.audit.log import LogLine, LogPage, record_prefix
from service.monitoring.errors import AuditFull, AuditUnavailable

OUT_OF_ORDER_SECONDS = 10.0  # by which a line may follow one of a later time: writers gather lines, and take turns
_is_cursor = text_is(r"[0-9]{4}-[0-9]{2}-[0-9]{2}:[0-9]{1,18}")
_TIME = compile_bytes(rb'\n\{"result_id":"res_([0-9a-f]{12})')


@dataclass(frozen=True)
class FileEventLog:
    folder: Path
    name: str
    keep_seconds: float
    max_bytes: int = 2 * 2**30  # of all days; what would be more is refused, because nothing may push out old records

    def check(self) -> None:
        """Create the folder. Raises AuditUnavailable where it cannot be written to."""
        with self._translate_errors():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not os.access(self.folder, os.W_OK | os.X_OK):
                raise AuditUnavailable(f"{self.folder} cannot be written to")

    async def append(self, lines: Sequence[LogLine]) -> None:
        await asyncio.to_thread(self._append, lines)

    async def find(self, result_id: str) -> bytes | None:
        at = result_time(result_id)
        return None if at is None else await asyncio.to_thread(self._find, self._path(_utc_day(at)), result_id, at)

    async def read(self, after: str, limit: int) -> LogPage:
        if after and not _is_cursor(after):
            raise RequestRejected(f"after: {after[:80]!r} is no cursor of this list")
        day, _, offset = after.partition(":")
        return await asyncio.to_thread(self._read, day, int(offset or 0), limit)

    async def prune(self) -> None:
        await asyncio.to_thread(self._prune)

    def _append(self, lines: Sequence[LogLine]) -> None:
        with self._translate_errors():
            size = sum(path.stat().st_size for path in self._paths()) + sum(len(line.data) + 1 for line in lines)
            if size > self.max_bytes:
                raise AuditFull(self.name, self.max_bytes)
            for day, group in groupby(sorted(lines, key=lambda line: line.at), lambda line: _utc_day(line.at)):
                self._write(self._path(day), b"".join(line.data + b"\n" for line in group))

    def _write(self, path: Path, data: bytes) -> None:
        """One write, and one process at a time: readers would take a partial write for half a line."""
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
        with self._translate_errors():
            try:
                with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
                    return _find_line(text, record_prefix(result_id), at)
            except (FileNotFoundError, ValueError):  # no such day; nothing in it
                return None

    def _read(self, day: str, offset: int, limit: int) -> LogPage:
        lines: list[bytes] = []
        with self._translate_errors():
            for path in self._paths():
                if (file_day := self._day_of(path)) < day:
                    continue
                with path.open("rb") as file:
                    position = file.seek(offset if file_day == day else 0)
                    while len(lines) < limit and (line := file.readline()).endswith(b"\n"):
                        position += len(line)
                        lines.append(line[:-1])
                day, offset = file_day, position
        return LogPage(lines, f"{day}:{offset}" if day else "")

    def _prune(self) -> None:
        """Remove whole days: a line is kept up to a day longer than asked for, never shorter."""
        oldest = _utc_day(datetime.now(UTC).timestamp() - self.keep_seconds)
        with self._translate_errors():
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
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as cause:
            raise AuditUnavailable(f"{self.folder}: {cause.strerror or cause}") from cause


def _find_line(text: mmap.mmap, wanted: bytes, at: float) -> bytes | None:
    """Search around the time `at`, then everywhere: a slow disk may have delayed a writer."""
    first, last = (_find_offset(text, at + shift) for shift in (-OUT_OF_ORDER_SECONDS, OUT_OF_ORDER_SECONDS))
    start = text.find(wanted, first, last + len(wanted))
    if start < 0:
        start = text.find(wanted)
    if start < 0:
        return None
    end = text.find(b"\n", start)
    return text[start : end if end >= 0 else len(text)]


def _find_offset(text: mmap.mmap, at: float) -> int:
    """About where the lines from the time `at` on begin."""

    def time_after(offset: int) -> float:
        found = _TIME.search(text, offset)
        return int(found[1], 16) / 1000 if found else float("inf")

    return bisect_left(range(len(text)), at, key=time_after)


def _utc_day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
