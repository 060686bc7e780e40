"""The service's side of a confined process: starts it, asks it one thing at a time, ends it when it is late."""

import logging
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Literal

from pipelines.confinement.channel import ChannelBroken, ChannelMessage, MessageChannel, OutOfResources

log = logging.getLogger(__name__)

_ROOT = Path(__file__).parents[2]
_START_SECONDS = 60.0
_KEPT_HEAP = 144 * 2**20  # bytes of free memory: what a picture of twelve megapixels takes
_GRACE_SECONDS = 2.0  # the process ends itself when its time is over; this much later, it is ended
# What the interpreter and numpy need to start at all. Nothing else of the service's environment gets through.
_KEPT_VARIABLES = ("LD_LIBRARY_PATH", "PYTHONHOME", "OPENBLAS_CORETYPE")


class ProcessDied(Exception):
    """The process ended during a request."""


class ProcessTooSlow(ProcessDied):
    """The process was ended, because a request took too long."""


class ProcessUnavailable(Exception):
    """The service has no file descriptors, memory or processes left to start one, or to hand it a request."""


class ProcessDeaths:
    """How many processes a request has ended, by the reason. Thread-safe."""

    REASONS: tuple[Literal["late", "died"], ...] = ("late", "died")

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = Lock()

    def count(self, cause: ProcessDied) -> None:
        with self._lock:
            self._counts["late" if isinstance(cause, ProcessTooSlow) else "died"] += 1

    def by_reason(self) -> dict[str, int]:
        with self._lock:
            return {reason: self._counts[reason] for reason in self.REASONS}


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """`seconds` of a request; `memory` of the process in bytes, libraries included (about 300 MB)."""

    seconds: float = 20.0
    memory: int = 2 * 2**30


class ConfinedProcess:
    """Runs `module`, which calls `serve_requests`. Starting does not wait; the first request does.

    Not thread-safe but for `end`.
    """

    def __init__(self, module: str, limits: ProcessLimits) -> None:
        """Raises ProcessUnavailable."""
        self._seconds = limits.seconds
        try:
            own_end, child_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        except OSError as cause:
            raise ProcessUnavailable(str(cause)) from cause
        self._channel, self._is_ready = MessageChannel(own_end), False
        try:
            with child_end:
                self._process = _start(module, child_end.fileno(), limits)
        except OSError as cause:
            self._channel.close()
            raise ProcessUnavailable(str(cause)) from cause

    @property
    def pid(self) -> int:
        return self._process.pid

    def request(self, message: ChannelMessage) -> ChannelMessage:
        """Raises ProcessTooSlow, ProcessDied or ProcessUnavailable; the process is gone then.

        The next reply overwrites the arrays.
        """
        try:
            if not self._is_ready:
                self._wait_until_ready()
            self._channel.limit_time(self._seconds + _GRACE_SECONDS)
            self._channel.send(message)
            return self._channel.receive()
        except TimeoutError:
            self.kill()
            raise ProcessTooSlow from None
        except OutOfResources as cause:
            self.kill()
            raise ProcessUnavailable(str(cause)) from cause
        except ChannelBroken as cause:
            self._channel.close()
            raise (ProcessTooSlow if self._wait() == -signal.SIGALRM else ProcessDied)(str(cause)) from cause

    def _wait_until_ready(self) -> None:
        self._channel.limit_time(_START_SECONDS)
        guards = self._channel.receive().facts
        self._is_ready = True
        if missing := [name for name, is_there in guards.items() if not is_there]:
            log.warning(
                "decoders are confined less than they could be: the kernel offers no %s", " and no ".join(missing)
            )

    def _wait(self) -> int:
        try:
            return self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:  # it closed its end, or sent nonsense, and lives on
            self._process.kill()
            return self._process.wait()

    def close(self) -> None:
        """Let the process end by itself, which it does when its channel closes."""
        self._channel.close()
        self._wait()

    def kill(self) -> None:
        self._channel.close()
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Kill the process from any thread: a request under way raises ProcessDied. `kill` has to follow."""
        self._process.kill()


def _start(module: str, channel: int, limits: ProcessLimits) -> subprocess.Popen[bytes]:
    """Raises OSError. `channel` is a descriptor."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, str(channel), str(limits.seconds), str(limits.memory)],
        env=_environment(),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=(channel,),
    )


def _environment() -> dict[str, str]:
    """Threads of libraries, one per core, would use up the memory limit before any work; so would heaps per thread.

    glibc gives large blocks back at once, and getting them again costs a picture of five megapixels 25 ms: let it keep
    some.
    """
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    paths = os.pathsep.join([str(_ROOT), *filter(None, sys.path)])
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    heap = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TOP_PAD_": str(_KEPT_HEAP), "MALLOC_TRIM_THRESHOLD_": str(_KEPT_HEAP)}
    return {**kept, **threads, **heap, "PYTHONPATH": paths}
