"""Files of a store that may be anywhere: clients of fsspec's have errors of their own, which come out as ours."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from models.errors import KernelSightError


@contextmanager
def failing_as(kind: type[KernelSightError]) -> Iterator[None]:
    """Raises `kind` for whatever is raised in the block and is no error of ours."""
    try:
        yield
    except KernelSightError:
        raise
    except Exception as cause:  # those of botocore, for one, are not even OSErrors
        raise kind(f"{type(cause).__name__}: {cause}") from cause


class FarFile(io.RawIOBase):
    """To be put behind Python's own buffers: what reads it or writes it meets errors of `kind` alone."""

    def __init__(self, file: Any, kind: type[KernelSightError]) -> None:
        self._file, self._kind = file, kind

    def readable(self) -> bool:
        return bool(self._file.readable())

    def writable(self) -> bool:
        return bool(self._file.writable())

    def seekable(self) -> bool:
        return bool(self._file.seekable())

    def readinto(self, buffer: Any) -> int:
        with failing_as(self._kind):
            data: bytes = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def write(self, data: Any) -> int:
        part = bytes(data)
        with failing_as(self._kind):
            written = self._file.write(part)
        return len(part) if written is None else int(written)  # some clients of fsspec's say nothing: all of it

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with failing_as(self._kind):
            at = self._file.seek(offset, whence)
            return int(self._file.tell() if at is None else at)

    def close(self) -> None:
        if not self.closed:
            super().close()
            with failing_as(self._kind):  # what an object store is given, it gets now
                self._file.close()
