"""Stores trained heads in a folder, one JSON file each.

FOLDER/<name>.json      a head, as `Head` defines it
      /.<name>.….tmp    a head that is being written
"""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Self

from pydantic import ValidationError

from models.atomic_write import write_atomically
from pipelines.moderation.categories.head import Head, check_name
from pipelines.moderation.errors import CategoriesNotWritable, CategoryBroken, CategoryExists, CategoryUnknown

log = logging.getLogger(__name__)

Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class StoredHead:
    """The state of a file: `head` is the last valid one that it held, `problem` what is wrong with the file now."""

    name: str
    stamp: Stamp
    head: Head | None
    problem: str | None


class HeadStore:
    """Safe for several threads, and for other processes that write into the same folder through it.

    The next `refresh` reads what they write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._entries: dict[str, StoredHead] = {}
        self._lock = Lock()

    @property
    def entries(self) -> list[StoredHead]:
        """All heads, ordered by name."""
        return list(self._entries.values())

    @property
    def paths(self) -> list[Path]:
        return sorted(self.folder.glob("[!.]*.json"))

    def refresh(self) -> Self:
        """Read every file that changed. A damaged file is logged once, and does not affect the others."""
        with self._lock:
            try:
                stamps = {path.stem: _read_stamp(path) for path in self.paths}
            except OSError as error:  # a file may vanish between listing and reading: the next refresh finds out
                log.warning("categories in %s: %s", self.folder, error.strerror)
            else:
                self._entries = {name: self._read(name, stamp) for name, stamp in stamps.items()}
        return self

    def get(self, name: str) -> Head:
        """Raises CategoryUnknown, or CategoryBroken."""
        entry = self._entries.get(name)
        if entry is None:
            raise CategoryUnknown(name, list(self._entries))
        if entry.head is None:
            raise CategoryBroken(name, entry.problem or "")
        return entry.head

    def check_free(self, name: str, *, replace: bool) -> None:
        """Raises CategoryNameInvalid, or CategoryExists unless `replace`."""
        check_name(name)
        if not replace and self._path(name).exists():
            raise CategoryExists(name)

    def save(self, head: Head, *, replace: bool) -> None:
        """Write the file atomically; the head can be used at once. Raises CategoryExists, CategoriesNotWritable.

        If two processes train the same name at the same moment, the last one wins.
        """
        self.check_free(head.name, replace=replace)
        with self._lock:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                write_atomically(self._path(head.name), head.model_dump_json(indent=1))
                stamp = _read_stamp(self._path(head.name))
            except OSError as cause:
                raise CategoriesNotWritable(self.folder, cause) from cause
            saved = StoredHead(head.name, stamp, head, None)
            self._entries = dict(sorted((self._entries | {head.name: saved}).items()))

    def remove(self, name: str) -> None:
        """Raises CategoryUnknown, CategoriesNotWritable."""
        with self._lock:
            if name not in self._entries:
                raise CategoryUnknown(name, list(self._entries))
            try:
                self._path(name).unlink(missing_ok=True)
            except OSError as cause:
                raise CategoriesNotWritable(self.folder, cause) from cause
            self._entries = {other: entry for other, entry in self._entries.items() if other != name}

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _read(self, name: str, stamp: Stamp) -> StoredHead:
        known = self._entries.get(name)
        if known is not None and known.stamp == stamp:
            return known
        try:
            head = Head.model_validate_json(self._path(name).read_bytes())
            if head.name != name:
                raise CategoryBroken(name, f"it holds the category {head.name!r}")
        except (OSError, ValidationError, CategoryBroken) as error:
            problem = _describe_error(error)
            kept = known.head if known else None
            log.warning(
                "category %s: %s cannot be used: %s%s",
                name, self._path(name), problem, "; its last whole version goes on" if kept else "",
            )  # fmt: skip
            return replace(known, stamp=stamp, problem=problem) if known else StoredHead(name, stamp, None, problem)
        return StoredHead(name, stamp, head, None)


def _describe_error(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}"
    return str(error.strerror if isinstance(error, OSError) else error)


def _read_stamp(path: Path) -> Stamp:
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino
