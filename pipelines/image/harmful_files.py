"""Remembers files that ended their decoder, so that nobody has to find out a third time."""

from collections import OrderedDict
from threading import Lock
from time import monotonic

MAX_KILLS = 2  # of decoders, after which a file is refused
REFUSED_SECONDS = 600.0
_MAX_FILES = 10_000


class HarmfulFiles:
    """Files by their sha256, for a while. Thread-safe."""

    def __init__(self) -> None:
        self._kills: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._lock = Lock()

    def add(self, sha256: str) -> None:
        """Count a decoder that `sha256` has ended."""
        with self._lock:
            kills, _ = self._kills.pop(sha256, (0, 0.0))
            self._kills[sha256] = kills + 1, monotonic()
            if len(self._kills) > _MAX_FILES:
                self._kills.popitem(last=False)

    def is_refused(self, sha256: str) -> bool:
        kills, since = self._kills.get(sha256, (0, 0.0))
        return kills >= MAX_KILLS and monotonic() - since < REFUSED_SECONDS
