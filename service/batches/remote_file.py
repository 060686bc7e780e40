"""Translates the errors of fsspec's file systems, which raise their own kinds, into ours."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from models.errors import KernelSightError


@contextmanager
def reraise_as(error: type[KernelSightError]) -> Iterator[None]:
    """Raises `error` from any exception in the block that is not a KernelSightError."""
    try:
        yield
    except KernelSightError:
        raise
    except Exception as cause:  # botocore's, for example, are not even OSErrors
        raise error(str(cause) or "no reason was given") from cause


class RemoteFile(io.RawIOBase):
    """A raw file for Python's own buffers; whatever fails raises `error`.

    `before_write` is called with the number of bytes that come, and may raise an error of its own.
    """

    def __init__(
        self, file: Any, error: type[KernelSightError], before_write: Callable[[int], None] = lambda size: None
    ) -> None:
        self._file, self._error, self._before_write = file, error, before_write

    def readable(self) -> bool:
        return bool(self._file.readable())

    def writable(self) -> bool:
        return bool(self._file.writable())

    def seekable(self) -> bool:
        return bool(self._file.seekable())

    def readinto(self, buffer: Any) -> int:
        with reraise_as(self._error):
            data: bytes = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._before_write(len(part))
        with reraise_as(self._error):
            written = self._file.write(part)
        return len(part) if written is None else int(written)  # some fsspec clients return None: they wrote all of it

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with reraise_as(self._error):
            position = self._file.seek(offset, whence)
            return int(self._file.tell() if position is None else position)

    def close(self) -> None:
        if not self.closed:
            super().close()
            with reraise_as(self._error):  # an object store uploads on closing
                self._file.close()
