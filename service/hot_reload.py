"""Files that operators change while the service runs: read again then, and kept when the new ones are bad."""

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
    """Something loaded from what `state` describes. Asking costs a look at `state` at most every `every_seconds`."""

    def __init__(
        self,
        what: str,
        load: Callable[[], T],
        state: Callable[[], Hashable],
        pool: CpuPool,
        *,
        every_seconds: float = 1.0,
    ) -> None:
        """Loads at once; raises what `load` raises."""
        self._what, self._load, self._state, self._pool, self._every = what, load, state, pool, every_seconds
        self._seen, self._value = state(), load()
        self._looked = monotonic()
        self._lock = asyncio.Lock()

    async def current(self) -> T:
        """The content as it is now, or as it was when it was last valid."""
        if monotonic() - self._looked >= self._every and not self._lock.locked():
            async with self._lock:
                self._looked = monotonic()
                await self._pool.run(self._look)
        return self._value

    def pin(self) -> None:
        """Keep the content of this moment, whatever happens to the files."""
        self._every = inf

    def _look(self) -> None:
        state = self._state()
        if state == self._seen:
            return
        self._seen = state
        try:
            self._value = self._load()
        except KernelSightError as error:
            log.warning("%s has changed and is not taken over: %s", self._what, error)
        else:
            log.info("%s has changed and is taken over", self._what)


def file_state(paths: Iterable[Path]) -> Hashable:
    """What changes when a file is written, replaced or removed, without reading it."""
    return tuple((path, *_stamp(path)) for path in paths)


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)
