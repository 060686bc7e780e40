"""Reload files that operators edit while the service runs; an invalid edit leaves the last valid content in use."""

import asyncio
import logging
from collections.abc import Callable, Hashable, Iterable
from math import inf
from pathlib import Path
from time import monotonic
from typing import Generic, TypeVar

from models.errors import KernelSightError
from pipelines.cpu_pool import CpuPool

log = logging.getLogger(__name__)

T = TypeVar("T")


class Reloading(Generic[T]):
    """Content that is loaded again when `state` changes, which is compared at most once every `every_seconds`."""

    def __init__(
        self,
        name: str,
        load: Callable[[], T],
        state: Callable[[], Hashable],
        pool: CpuPool,
        *,
        every_seconds: float = 1.0,
    ) -> None:
        """Loads at once; raises what `load` raises."""
        self._name, self._load, self._state, self._pool, self._every_seconds = name, load, state, pool, every_seconds
        self._loaded_state, self._value = state(), load()
        self._checked_at = monotonic()
        self._lock = asyncio.Lock()

    async def current(self) -> T:
        """The content as it is now, or as it was when it was last valid."""
        if monotonic() - self._checked_at >= self._every_seconds and not self._lock.locked():
            async with self._lock:
                self._checked_at = monotonic()
                await self._pool.run(self._reload_if_changed)
        return self._value

    def pin(self) -> None:
        """Keep the present content, whatever happens to the files."""
        self._every_seconds = inf

    def _reload_if_changed(self) -> None:
        state = self._state()
        if state == self._loaded_state:
            return
        self._loaded_state = state
        try:
            self._value = self._load()
        except KernelSightError as error:
            log.warning("%s has changed but cannot be loaded; the last valid one stays in use: %s", self._name, error)
        else:
            log.info("%s has changed and was reloaded", self._name)


def file_state(paths: Iterable[Path]) -> Hashable:
    """A value that changes when a file is written, replaced or removed; no file is read."""
    return tuple((path, *_file_stamp(path)) for path in paths)


def _file_stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)
