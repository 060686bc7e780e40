"""The process's file descriptors: how many are open, how many there may be, and what connections get of them."""

import logging
import os
import resource
from dataclasses import dataclass

log = logging.getLogger(__name__)

_FOLDER = "/dev/fd"  # on Linux a link to /proc/self/fd
_PER_CONNECTION = 2  # its socket, and the temporary file of an upload
_MOST = 65_536  # if there is no limit
_ALARM_SHARE = 0.8
_ALARM_SECONDS = 60.0


@dataclass(frozen=True)
class DescriptorShares:
    """An eighth is for connections that arrive at the same moment, an eighth for files and sockets of our own."""

    limit: int

    @property
    def backlog(self) -> int:
        """Connections that the event loop may accept in one turn, before any of them can be counted."""
        return min(1024, self.limit // 8)

    @property
    def reserve(self) -> int:
        return self.limit // 8

    @property
    def connections(self) -> int:
        return max(1, (self.limit - self.backlog - self.reserve) // _PER_CONNECTION)


def raise_descriptor_limit(connections: int) -> DescriptorShares:
    """Raise the soft limit, if the hard one allows it, so that `connections` are possible; tell what there is."""
    soft, hard = (min(limit, _MOST) if limit != resource.RLIM_INFINITY else _MOST for limit in _limits())
    wanted = min(hard, connections * _PER_CONNECTION * 4 // 3 + 1)  # shares leave three quarters to connections
    if wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, _limits()[1]))
        soft = wanted
    shares = DescriptorShares(soft)
    if shares.connections < connections:
        log.warning(
            "a limit of %d file descriptors allows for %d connections, not %d: raise it (ulimit -n, LimitNOFILE)",
            soft, shares.connections, connections,
        )  # fmt: skip
    return shares


class DescriptorWatch:
    """Counts open descriptors, and says so in the log, at most once a minute, while they come to an end."""

    def __init__(self, shares: DescriptorShares) -> None:
        self._shares = shares
        self._silent_until = 0.0

    def count_free(self, now_seconds: float) -> int:
        """Descriptors that may still be opened before those are touched that accepting itself needs."""
        opened = sum(1 for _ in os.scandir(_FOLDER)) - 1  # listing opens one itself
        if opened > _ALARM_SHARE * self._shares.limit and now_seconds >= self._silent_until:
            self._silent_until = now_seconds + _ALARM_SECONDS
            log.error("%d of %d file descriptors are open", opened, self._shares.limit)
        return self._shares.limit - self._shares.backlog - opened


def _limits() -> tuple[int, int]:
    return resource.getrlimit(resource.RLIMIT_NOFILE)
