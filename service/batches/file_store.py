"""Files that clients upload and fetch, in a folder or anywhere that fsspec reaches: all workers must see the same.

ROOT/<id>.data is a file, ROOT/<id>.json what is known of it. The second is written last and removed first: without it
there is no file.
"""

import io
import logging
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO, Literal

import fsspec
from fsspec.core import url_to_fs
from pydantic import BaseModel, ConfigDict, ValidationError

from pipelines.errors import RequestRejected
from service.batches.errors import FilesNotWritable, FilesUnavailable, FileUnknown
from service.batches.remote_file import FarFile, failing_as
from service.settings import SettingsInvalid

log = logging.getLogger(__name__)

Purpose = Literal["batch", "batch_output", "batch_part"]  # parts are of outputs that are not whole yet, and unlisted

_BUFFER = 1 << 20
_ID = re.compile(r"file-[0-9a-f]{32}")


class StoredFile(BaseModel):
    """As OpenAI's file objects; times are Unix seconds."""

    model_config = ConfigDict(frozen=True)

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    expires_at: int | None = None
    filename: str
    purpose: Purpose
    status: Literal["processed"] = "processed"


class FilePage(BaseModel):
    object: Literal["list"] = "list"
    data: list[StoredFile]
    first_id: str | None
    last_id: str | None
    has_more: bool


def new_file_id() -> str:
    return f"file-{secrets.token_hex(16)}"


def file_id_of(*names: str | int) -> str:
    """The same for the same names: who writes a file again replaces it."""
    return f"file-{sha256(':'.join(map(str, names)).encode()).hexdigest()[:32]}"


@dataclass(frozen=True)
class FileStore:
    """`root` is a folder or a URL of fsspec's; files are gone after `keep_seconds`.

    Every method blocks, and raises FilesUnavailable where the place does not answer.
    """

    root: str
    keep_seconds: float

    def add(self, source: BinaryIO, filename: str) -> StoredFile:
        """An upload; raises FilesNotWritable."""
        self.sweep()
        id = new_file_id()
        with self.writing(id, filename, "batch") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        return self.get(id)

    def check(self) -> None:
        """Raises SettingsInvalid for a kind of place that fsspec does not know, or lacks a package for.

        One that does not answer yet is no reason not to start.
        """
        try:
            self._system()
        except FilesUnavailable as away:
            if isinstance(away.__cause__, ValueError | ImportError):
                raise SettingsInvalid(f"KERNELSIGHT_FILES: {away.__cause__}") from away
            log.warning("files cannot be read or stored yet: %s", away)

    @contextmanager
    def writing(self, id: str, filename: str, purpose: Purpose) -> Iterator[BinaryIO]:
        """The file is there when the block has ended well, and replaces one of the same id. Raises FilesNotWritable."""
        system, root = self._system()
        part = f"{root}/{id}.{secrets.token_hex(8)}.part"
        try:
            with failing_as(FilesNotWritable):
                system.makedirs(root, exist_ok=True)
                target = system.open(part, "wb")
            with io.BufferedWriter(FarFile(target, FilesNotWritable), _BUFFER) as buffered:
                yield buffered
            with failing_as(FilesNotWritable):
                size = system.size(part)
                system.mv(part, f"{root}/{id}.data")
                now = int(time.time())
                expires = now + int(self.keep_seconds)
                known = StoredFile(
                    id=id, bytes=size, created_at=now, expires_at=expires, filename=filename, purpose=purpose
                )
                system.pipe_file(part, known.model_dump_json().encode())
                system.mv(part, f"{root}/{id}.json")  # readers never see half of it
        finally:
            with suppress(Exception):  # what went wrong before is what counts
                if system.exists(part):
                    system.rm_file(part)

    def get(self, id: str) -> StoredFile:
        """Raises FileUnknown."""
        if not _ID.fullmatch(id):
            raise FileUnknown(id)
        system, root = self._system()
        with failing_as(FilesUnavailable):
            try:
                known = StoredFile.model_validate_json(system.cat_file(f"{root}/{id}.json"))
            except FileNotFoundError:
                raise FileUnknown(id) from None
        if known.expires_at is not None and known.expires_at < time.time():
            raise FileUnknown(id)
        return known

    @contextmanager
    def opened(self, id: str, at: int = 0) -> Iterator[BinaryIO]:
        """Its bytes from `at` on; raises FileUnknown."""
        self.get(id)
        system, root = self._system()
        with failing_as(FilesUnavailable):
            try:
                source = system.open(f"{root}/{id}.data", "rb")
            except FileNotFoundError:  # removed meanwhile
                raise FileUnknown(id) from None
        with io.BufferedReader(FarFile(source, FilesUnavailable), _BUFFER) as buffered:
            buffered.seek(at)
            yield buffered

    def page(self, *, after: str | None, limit: int, newest_first: bool, purpose: str | None) -> FilePage:
        """Raises RequestRejected where `after` is no file of the list."""
        files = sorted(self._all(), key=lambda one: (one.created_at, one.id), reverse=newest_first)
        files = [one for one in files if one.purpose != "batch_part" and purpose in (None, one.purpose)]
        ids = [one.id for one in files]
        if after is not None and after not in ids:
            raise RequestRejected(f"after: no file {after[:80]!r} in this list")
        start = ids.index(after) + 1 if after is not None else 0
        shown = files[start : start + limit]
        first, last = (shown[0].id, shown[-1].id) if shown else (None, None)
        return FilePage(data=shown, first_id=first, last_id=last, has_more=start + limit < len(files))

    def remove(self, id: str) -> None:
        """Raises FileUnknown."""
        self.get(id)
        self.discard(id)

    def sweep(self) -> None:
        """Remove what has expired."""
        for one in self._all(expired=True):
            self.discard(one.id)

    def discard(self, id: str) -> None:
        """Remove it if it is there."""
        system, root = self._system()
        for suffix in ("json", "data"):
            with failing_as(FilesUnavailable), suppress(FileNotFoundError):
                system.rm_file(f"{root}/{id}.{suffix}")

    def _all(self, *, expired: bool = False) -> Iterator[StoredFile]:
        system, root = self._system()
        now = time.time()
        with failing_as(FilesUnavailable):
            paths = system.glob(f"{root}/file-*.json")
        for path in paths:
            with failing_as(FilesUnavailable):
                try:
                    known = StoredFile.model_validate_json(system.cat_file(path))
                except FileNotFoundError:  # removed meanwhile
                    continue
                except ValidationError:
                    log.warning("%s is no record of a file", path)
                    continue
            if (known.expires_at is not None and known.expires_at < now) is expired:
                yield known

    def _system(self) -> tuple[fsspec.AbstractFileSystem, str]:
        with failing_as(FilesUnavailable):  # some kinds connect at once
            return url_to_fs(self.root)  # type: ignore[no-any-return]
