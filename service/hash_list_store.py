"""Read and edit hash lists in a file, a folder of files, or Redis.

In Redis a list is a hash, KEY: hexadecimal PDQ hash ─► label, or JSON with label, source and distance. KEY:version
is a counter that grows with every edit; it tells running processes to read the list again.
"""

import csv
import io
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import filelock
import orjson

from models.atomic_write import write_atomically
from models.errors import KernelSightError
from pipelines.cpu_pool import CpuPool
from pipelines.moderation.hashes.formats import parse_hash_list, parse_redis_value
from pipelines.moderation.hashes.kinds import HASH_LIST_KINDS, HashListKind
from pipelines.moderation.hashes.lists import (
    CSV_COLUMNS,
    HashEntry,
    HashList,
    SearchableHashList,
)
from pipelines.moderation.signals.known_images import KnownImageSignal
from service.hot_reload import Reloading, file_state
from service.settings import Settings, SettingsInvalid

if TYPE_CHECKING:  # only lists in Redis load it
    import redis

SCHEMES = ("redis", "rediss", "unix")
SUFFIXES = (".csv", ".txt", ".json", ".jsonl", ".ndjson")
ADDED_FILE = "added.csv"  # holds the entries that are added to a folder
ENTRIES_PER_COMMAND = 5_000  # a larger command would keep other clients of the server waiting


class HashListUnavailable(KernelSightError):
    code = "hash-list-unavailable"


class HashListNotEdited(KernelSightError):
    code = "hash-list-not-edited"


class HashListStore(Protocol):
    """`state` is cheap, and changes with the content. `read` raises HashListInvalid or HashListUnavailable."""

    def state(self) -> Hashable: ...

    def read(self) -> HashList: ...

    def add(self, entries: Iterable[HashEntry]) -> None: ...

    def remove(self, hash: bytes) -> bool:
        """Whether the list had it."""


@dataclass(frozen=True)
class FileHashListStore:
    path: Path

    def state(self) -> Hashable:
        return file_state([self.path, *self._files()])

    def read(self) -> HashList:
        return HashList.of(line for path in self._files() for line in parse_hash_list(_read_bytes(path), str(path)))

    def add(self, entries: Iterable[HashEntry]) -> None:
        added = {entry.hash: entry for entry in entries}
        with _locked(self._own):
            kept = [entry for entry in self._own_entries() if entry.hash not in added]
            _write(self._own, [*kept, *added.values()])

    def remove(self, hash: bytes) -> bool:
        with _locked(self._own):
            entries = self._own_entries()
            kept = [entry for entry in entries if entry.hash != hash]
            if len(kept) < len(entries):
                _write(self._own, kept)
        others = [path for path in self._files() if path != self._own]
        for path in others:
            if hash in (entry.hash for entry in _read_entries(path)):
                raise HashListNotEdited(f"{hash.hex()} is in {path}, which was not written by this command: edit it")
        return len(kept) < len(entries)

    @property
    def _own(self) -> Path:
        """The file that edits are written to."""
        return self.path / ADDED_FILE if self.path.is_dir() else self.path

    def _files(self) -> list[Path]:
        try:
            return sorted(path for path in self.path.iterdir() if path.suffix.lower() in SUFFIXES)
        except OSError:  # a file, or unreadable: then reading it raises the reason
            return [self.path]

    def _own_entries(self) -> list[HashEntry]:
        """Raises HashListNotEdited for a file that would lose content if it were rewritten."""
        if not self._own.exists():
            return []
        data = _read_bytes(self._own)
        if data.strip() and data.partition(b"\n")[0].strip() != ",".join(CSV_COLUMNS).encode():
            raise HashListNotEdited(f"{self._own} has a form of its own: edit it, or name a folder and put it in there")
        return [line for line in parse_hash_list(data, str(self._own)) if isinstance(line, HashEntry)]


@dataclass(frozen=True)
class RedisHashListStore:
    client: "redis.Redis"
    key: str
    name: str  # the URL without its password

    @classmethod
    def from_url(cls, url: str) -> "RedisHashListStore":
        """Connects on first use; raises SettingsInvalid."""
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        address, _, key = url.partition("#")
        scheme, _, rest = address.partition("://")
        name = f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}#{key}"
        if not key:
            raise SettingsInvalid(f"{name}: which key holds the list? As in: redis://127.0.0.1:6379/0#blocked")
        try:
            client = redis.Redis.from_url(
                address, decode_responses=True, socket_timeout=5, socket_connect_timeout=1, retry=Retry(NoBackoff(), 1)
            )
        except ValueError as cause:
            raise SettingsInvalid(f"{name}: {cause}") from cause
        return cls(client, key, name)

    def state(self) -> Hashable:
        """Includes the number of entries: other tools do not count the version up."""
        import redis

        try:
            return (self.client.get(f"{self.key}:version"), self.client.hlen(self.key))
        except redis.RedisError:
            return "unreachable"  # then reading raises the reason

    def read(self) -> HashList:
        with self._translate_errors():
            found = dict(self.client.hscan_iter(self.key, count=ENTRIES_PER_COMMAND))
        return HashList.of(parse_redis_value(hash, value, self.name) for hash, value in found.items())

    def add(self, entries: Iterable[HashEntry]) -> None:
        fields = {entry.hash.hex(): _to_redis_value(entry) for entry in entries}
        names = list(fields)
        with self._translate_errors():
            for start in range(0, len(names), ENTRIES_PER_COMMAND):
                part = {name: fields[name] for name in names[start : start + ENTRIES_PER_COMMAND]}
                self._put(part)

    def remove(self, hash: bytes) -> bool:
        with self._translate_errors():
            return bool(self._edit(lambda edit: edit.hdel(self.key, hash.hex())))

    def _put(self, fields: Mapping[Any, Any]) -> None:
        self._edit(lambda edit: edit.hset(name=self.key, mapping=fields))

    def _edit(self, change: Callable[["redis.client.Pipeline"], object]) -> Any:
        """The edit and the new version are one transaction."""
        edit = self.client.pipeline()
        change(edit)
        edit.incr(f"{self.key}:version")
        return edit.execute()[0]

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        import redis

        try:
            yield
        except redis.RedisError as cause:
            raise HashListUnavailable(f"{self.name}: {cause}") from cause


def open_hash_list_stores(settings: Settings) -> dict[HashListKind, HashListStore]:
    """The configured lists; raises SettingsInvalid for an invalid address."""
    addresses = {"block": settings.moderation.block_hashes, "allow": settings.moderation.allow_hashes}
    return {kind: open_hash_list_store(value) for kind in HASH_LIST_KINDS if (value := addresses[kind])}


def open_hash_list_store(address: str) -> HashListStore:
    if address.partition("://")[0] in SCHEMES:
        return RedisHashListStore.from_url(address)
    return FileHashListStore(Path(address).expanduser())


def open_known_image_signal(settings: Settings, pool: CpuPool) -> KnownImageSignal:
    """The signal "known" over the configured lists, which are read now, and again whenever they change.

    Raises HashListInvalid, HashListUnavailable or SettingsInvalid. A list that later becomes invalid or unreachable
    keeps its last content, and a warning is logged.
    """
    lists = {kind: _load_reloading(kind, store, pool) for kind, store in open_hash_list_stores(settings).items()}

    async def current() -> dict[HashListKind, SearchableHashList]:
        return {kind: await reloading.current() for kind, reloading in lists.items()}

    return KnownImageSignal(current, pool, settings.moderation.hash_distance, settings.moderation.known_dihedral)


def _load_reloading(kind: HashListKind, store: HashListStore, pool: CpuPool) -> Reloading[SearchableHashList]:
    return Reloading(f"the {kind} list", lambda: SearchableHashList.of(store.read()), store.state, pool)


def _to_redis_value(entry: HashEntry) -> str:
    fields = {"label": entry.label, "source": entry.source, "distance": entry.distance}
    return orjson.dumps({name: value for name, value in fields.items() if value not in (None, "")}).decode()


def _read_entries(path: Path) -> list[HashEntry]:
    return [line for line in parse_hash_list(_read_bytes(path), str(path)) if isinstance(line, HashEntry)]


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as cause:
        raise HashListUnavailable(f"{path}: {cause.strerror}") from cause


def _write(path: Path, entries: Iterable[HashEntry]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([CSV_COLUMNS, *(entry.to_row() for entry in entries)])
    try:
        write_atomically(path, text.getvalue())
    except OSError as cause:
        raise HashListNotEdited(f"{path} cannot be written: {cause.strerror}") from cause


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One edit at a time, of several processes: each reads the file before it writes it."""
    try:
        with filelock.FileLock(path.with_name(f".{path.name}.lock")):
            yield
    except OSError as cause:
        raise HashListNotEdited(f"{path} cannot be written: {cause.strerror}") from cause
