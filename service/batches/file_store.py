"""Stores files of batches in a folder or anywhere that fsspec reaches; all workers must see the same place.

ROOT/<id>.data is the file, ROOT/<id>.json its metadata. The metadata is written last and removed first: without it,
the file does not exist.
"""

import io
import logging
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import BinaryIO, Literal

import fsspec
from fsspec.core import url_to_fs
from pydantic import BaseModel, ConfigDict, ValidationError

from models.atomic_write import open_atomically_on
from pipelines.errors import RequestRejected
from pipelines.linear_patterns import text_is
from service.batches.file_quota import FileQuota
from service.batches.remote_file import RemoteFile, reraise_as
from service.errors import FilesNotWritable, FilesUnavailable, FileUnknown
from service.keys.caller import Caller
from service.settings import SettingsInvalid

log = logging.getLogger(__name__)

Purpose = Literal["batch", "batch_output", "batch_part"]  # parts of unfinished outputs are not listed

_BUFFER = 1 << 20
_is_id = text_is("file-[0-9a-f]{32}")


class BatchFile(BaseModel):
    """OpenAI's file object, and the tenant that it belongs to; times are Unix seconds."""

    model_config = ConfigDict(frozen=True)

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    expires_at: int | None = None
    filename: str
    purpose: Purpose
    status: Literal["processed"] = "processed"
    tenant: str | None = None


class BatchFilePage(BaseModel):
    object: Literal["list"] = "list"
    data: list[BatchFile]
    first_id: str | None
    last_id: str | None
    has_more: bool


def new_file_id() -> str:
    return f"file-{secrets.token_hex(16)}"


def derived_file_id(*names: str | int) -> str:
    """The same names give the same id, so that writing a file again replaces it."""
    return f"file-{sha256(':'.join(map(str, names)).encode()).hexdigest()[:32]}"


@dataclass(frozen=True)
class FileStore:
    """`root` is a folder or an fsspec URL; files expire after `keep_seconds`, and have the bytes of `quota` together.

    Every method blocks, and raises FilesUnavailable if the file system does not answer.
    """

    root: str
    keep_seconds: float
    quota: FileQuota = field(default_factory=FileQuota)

    def add(
        self, source: BinaryIO, filename: str, tenant: str | None = None, *, keep_seconds: float | None = None
    ) -> BatchFile:
        """Store an upload for `keep_seconds`, at most as long as any file is kept.

        Raises FilesFull, before anything is written, or FilesNotWritable.
        """
        self.remove_expired()
        size = source.seek(0, io.SEEK_END)
        source.seek(0)
        self.quota.check(size, self._count_bytes)
        id = new_file_id()
        with self.open_writer(id, filename, "batch", tenant, keep_seconds=keep_seconds) as target:
            shutil.copyfileobj(source, target, 1 << 20)
        return self.get(id)

    def check(self) -> None:
        """Raises SettingsInvalid if fsspec does not know the scheme of `root`, or lacks a package for it.

        A file system that does not answer yet does not prevent the start.
        """
        try:
            self._file_system()
        except FilesUnavailable as error:
            if isinstance(error.__cause__, ValueError | ImportError):
                raise SettingsInvalid(f"KERNELSIGHT_FILES: {error.__cause__}") from error
            log.warning("files cannot be read or stored yet: %s", error)

    @contextmanager
    def open_writer(
        self,
        id: str,
        filename: str,
        purpose: Purpose,
        tenant: str | None = None,
        *,
        keep_seconds: float | None = None,
    ) -> Iterator[BinaryIO]:
        """The file exists once the block has succeeded, and replaces one of the same id.

        Raises FilesNotWritable, or FilesFull where the block writes too much; nothing is kept then.
        """
        system, root = self._file_system()
        errors = partial(reraise_as, FilesNotWritable)
        with errors():
            system.makedirs(root, exist_ok=True)
        with (
            self.quota.writing(self._count_bytes) as charge,
            open_atomically_on(system, f"{root}/{id}.data", errors=errors) as target,
            io.BufferedWriter(RemoteFile(target, FilesNotWritable, charge), _BUFFER) as buffered,
        ):
            yield buffered
        with errors():
            size = system.size(f"{root}/{id}.data")
            now = int(time.time())
            expires = now + int(min(self.keep_seconds, keep_seconds or self.keep_seconds))
            metadata = BatchFile(
                id=id, bytes=size, created_at=now, expires_at=expires, filename=filename, purpose=purpose, tenant=tenant
            )
            with open_atomically_on(system, f"{root}/{id}.json") as target:
                target.write(metadata.model_dump_json().encode())

    def get(self, id: str) -> BatchFile:
        """Raises FileUnknown."""
        if not _is_id(id):
            raise FileUnknown(id)
        system, root = self._file_system()
        with reraise_as(FilesUnavailable):
            try:
                file = BatchFile.model_validate_json(system.cat_file(f"{root}/{id}.json"))
            except FileNotFoundError:
                raise FileUnknown(id) from None
        if file.expires_at is not None and file.expires_at < time.time():
            raise FileUnknown(id)
        return file

    @contextmanager
    def open_reader(self, id: str, offset: int = 0) -> Iterator[BinaryIO]:
        """The file's bytes from `offset` on; raises FileUnknown."""
        self.get(id)
        system, root = self._file_system()
        with reraise_as(FilesUnavailable):
            try:
                source = system.open(f"{root}/{id}.data", "rb")
            except FileNotFoundError:  # removed meanwhile
                raise FileUnknown(id) from None
        with io.BufferedReader(RemoteFile(source, FilesUnavailable), _BUFFER) as buffered:
            buffered.seek(offset)
            yield buffered

    def list_page(
        self, *, viewer: Caller, after: str | None, limit: int, newest_first: bool, purpose: str | None
    ) -> BatchFilePage:
        """The files that `viewer` sees. Raises RequestRejected if `after` is not in the list."""
        files = sorted(self._list_files(), key=lambda one: (one.created_at, one.id), reverse=newest_first)
        files = [one for one in files if one.purpose != "batch_part" and purpose in (None, one.purpose)]
        files = [one for one in files if viewer.may_see(one.tenant)]
        ids = [one.id for one in files]
        if after is not None and after not in ids:
            raise RequestRejected(f"after: no file {after[:80]!r} in this list")
        start = ids.index(after) + 1 if after is not None else 0
        shown = files[start : start + limit]
        first, last = (shown[0].id, shown[-1].id) if shown else (None, None)
        return BatchFilePage(data=shown, first_id=first, last_id=last, has_more=start + limit < len(files))

    def remove(self, id: str) -> None:
        """Raises FileUnknown."""
        self.get(id)
        self.remove_if_exists(id)

    def remove_expired(self) -> None:
        """Remove expired files."""
        for one in self._list_files(expired=True):
            self.remove_if_exists(one.id)

    def remove_if_exists(self, id: str) -> None:
        system, root = self._file_system()
        for suffix in ("json", "data"):
            with reraise_as(FilesUnavailable), suppress(FileNotFoundError):
                system.rm_file(f"{root}/{id}.{suffix}")

    def _count_bytes(self) -> int:
        return sum(one.bytes for one in self._list_files())

    def _list_files(self, *, expired: bool = False) -> Iterator[BatchFile]:
        system, root = self._file_system()
        now = time.time()
        with reraise_as(FilesUnavailable):
            paths = system.glob(f"{root}/file-*.json")
        for path in paths:
            with reraise_as(FilesUnavailable):
                try:
                    file = BatchFile.model_validate_json(system.cat_file(path))
                except FileNotFoundError:  # removed meanwhile
                    continue
                except ValidationError:
                    log.warning("%s is no record of a file", path)
                    continue
            if (file.expires_at is not None and file.expires_at < now) is expired:
                yield file

    def _file_system(self) -> tuple[fsspec.AbstractFileSystem, str]:
        with reraise_as(FilesUnavailable):  # some file systems connect at once
            return url_to_fs(self.root)  # type: ignore[no-any-return]
