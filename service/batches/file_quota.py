"""Bounds the bytes of all files of batches together, whoever writes them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from service.errors import FilesFull

COUNT_SECONDS = 10.0  # between two counts; a refusal counts again

CountBytes = Callable[[], int]
Charge = Callable[[int], None]


class FileQuota:
    """Threads may share a quota. What other processes write is seen at the next count.

    So all processes together may pass the limit by what the others write within COUNT_SECONDS.
    """

    def __init__(self, limit_bytes: int = 20 * 2**30) -> None:
        self.limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._stored, self._in_progress, self._counted = 0, 0, float("-inf")

    def check(self, size: int, count: CountBytes) -> None:
        """Raises FilesFull if a file of `size` bytes would be too much, or what `count` raises."""
        with self._lock:
            self._make_sure(size, count)

    @contextmanager
    def writing(self, count: CountBytes) -> Iterator[Charge]:
        """Gives what has to be called with the number of bytes before they are written; it raises as `check` does."""
        own = 0

        def charge(size: int) -> None:
            nonlocal own
            with self._lock:
                self._make_sure(size, count)
                self._in_progress += size
                own += size

        try:
            yield charge
            with self._lock:
                self._stored += own
        finally:
            with self._lock:
                self._in_progress -= own

    def _make_sure(self, size: int, count: CountBytes) -> None:
        if self._has_room(size) and monotonic() - self._counted < COUNT_SECONDS:
            return
        self._stored, self._counted = count(), monotonic()
        if not self._has_room(size):
            raise FilesFull(self.limit_bytes)

    def _has_room(self, size: int) -> bool:
        return self._stored + self._in_progress + size <= self.limit_bytes
