"""Reads the bytes of items in threads, so that disk and network work ahead of the models."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from models.errors import KernelSightError
from pipelines.errors import TooManyBytes
from service.bulk.errors import ItemRejected, SourceUnreadable
from service.bulk.file_listing import open_file_system
from service.bulk.items import BulkItem, escape_name
from service.bulk.sources import is_web_url
from service.network.image_fetcher import ImageFetcher


@dataclass(frozen=True)
class ItemReader:
    """Refuses a file of more than `max_bytes` before it is in memory."""

    fetcher: ImageFetcher
    threads: ThreadPoolExecutor
    max_bytes: int

    async def read(self, item: BulkItem) -> bytes:
        """Raises ItemRejected, TooManyBytes, or what `ImageFetcher.fetch` raises."""
        if item.problem is not None:
            raise item.problem
        if is_web_url(item.source):
            return await self.fetcher.fetch(item.source)
        read = self._read_object if "://" in item.source else self._read_file
        return await asyncio.get_running_loop().run_in_executor(self.threads, _translate_errors, read, item.source)

    def _read_file(self, source: str) -> bytes:
        path = Path(source)
        if not path.is_file():  # a pipe would be read for ever
            path.stat()
            raise SourceUnreadable(f"{escape_name(source)!r} is no file")
        with path.open("rb") as file:
            return self._check_size(file.read(self.max_bytes + 1), path.stat().st_size)

    def _read_object(self, source: str) -> bytes:
        fs, path = open_file_system(source)
        info = fs.info(path)
        if info["type"] not in ("file", "link"):  # a pipe would be read for ever
            raise SourceUnreadable(f"{escape_name(source)!r} is no file")
        size = info["size"]
        if size is not None and size > self.max_bytes:
            raise TooManyBytes(size, self.max_bytes)
        data: bytes = fs.cat_file(path)
        return self._check_size(data, len(data))

    def _check_size(self, data: bytes, size: int) -> bytes:
        if len(data) > self.max_bytes:
            raise TooManyBytes(size, self.max_bytes)
        return data


def _translate_errors(read: Callable[[str], bytes], source: str) -> bytes:
    try:
        return read(source)
    except KernelSightError as error:
        if isinstance(error, ItemRejected | TooManyBytes):
            raise
        raise SourceUnreadable(str(error)) from error
    except Exception as cause:  # file systems of fsspec raise what their libraries raise
        why = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause) or "no reason was given"
        raise SourceUnreadable(f"{escape_name(source)!r} cannot be read: {why}") from cause
