"""The bytes of an item, read in threads, so that disk and network work ahead of the models."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from models.errors import KernelSightError
from pipelines.errors import TooManyBytes
from service.bulk.errors import ItemRejected, SourceUnreadable
from service.bulk.file_listing import file_system
from service.bulk.items import Item, as_text
from service.bulk.sources import is_web
from service.network.image_fetcher import ImageFetcher


@dataclass(frozen=True)
class Reader:
    """A file of over `max_bytes` is refused before it is in memory."""

    fetcher: ImageFetcher
    threads: ThreadPoolExecutor
    max_bytes: int

    async def read(self, item: Item) -> bytes:
        """Raises ItemRejected, TooManyBytes, or what `ImageFetcher.fetch` raises."""
        if item.problem is not None:
            raise item.problem
        if is_web(item.source):
            return await self.fetcher.fetch(item.source)
        read = self._from_object if "://" in item.source else self._from_file
        return await asyncio.get_running_loop().run_in_executor(self.threads, _translated, read, item.source)

    def _from_file(self, source: str) -> bytes:
        path = Path(source)
        if not path.is_file():  # a pipe would be read for ever
            path.stat()
            raise SourceUnreadable(f"{as_text(source)!r} is no file")
        with path.open("rb") as file:
            return self._checked(file.read(self.max_bytes + 1), path.stat().st_size)

    def _from_object(self, source: str) -> bytes:
        fs, path = file_system(source)
        size = fs.info(path)["size"]
        if size is not None and size > self.max_bytes:
            raise TooManyBytes(size, self.max_bytes)
        data: bytes = fs.cat_file(path)
        return self._checked(data, len(data))

    def _checked(self, data: bytes, size: int) -> bytes:
        if len(data) > self.max_bytes:
            raise TooManyBytes(size, self.max_bytes)
        return data


def _translated(read: Callable[[str], bytes], source: str) -> bytes:
    try:
        return read(source)
    except KernelSightError as error:
        if isinstance(error, ItemRejected | TooManyBytes):
            raise
        raise SourceUnreadable(str(error)) from error
    except Exception as cause:  # file systems of fsspec raise what their libraries raise
        why = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause) or type(cause).__name__
        raise SourceUnreadable(f"{as_text(source)!r} cannot be read: {why}") from cause
