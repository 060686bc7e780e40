"""Writes files atomically: at any moment, also after a crash, readers find the old file or the new one, whole.

Every such write first goes to another name in the same folder, is synced to the disk, and then renamed.
"""

import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, BinaryIO


def write_atomically(path: Path, content: str | bytes) -> None:
    """Text is written as UTF-8. Raises OSError, and then nothing has changed."""
    with open_atomically(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def open_atomically(path: Path) -> Iterator[BinaryIO]:
    """A file for content that comes in chunks; it replaces `path` when the block ends without an exception."""
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        temporary.chmod(0o644)  # mkstemp's are for one user; the service may run as another one
        publish_file(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def publish_file(temporary: Path, path: Path) -> None:
    """Give a complete file its final name, on the same file system."""
    _sync(temporary)
    temporary.replace(path)
    _sync(path.parent)  # the new name itself


@contextmanager
def open_atomically_on(
    filesystem: Any, path: str, *, errors: Callable[[], AbstractContextManager[None]] = nullcontext
) -> Iterator[Any]:
    """`open_atomically` on a file system of fsspec's, which has no fsync.

    The file system's own steps run inside `errors()`, which may translate what they raise; the block does not.
    """
    temporary = f"{path}.{secrets.token_hex(8)}.part"
    try:
        with errors():
            file = filesystem.open(temporary, "wb")
        yield file
        with errors():
            file.close()  # object stores upload it now, where the block has not closed it
            filesystem.mv(temporary, path)
    finally:
        with suppress(Exception):  # an error before this one counts
            if filesystem.exists(temporary):
                filesystem.rm_file(temporary)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
