"""A confined process that tries what it is told, for the tests."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.confinement.channel import ChannelMessage
from pipelines.confinement.child import serve_requests


def handle_request(request: ChannelMessage) -> ChannelMessage:
    kind, argument = request.facts["kind"], request.facts.get("argument")
    if kind == "echo":
        return ChannelMessage({"seen": argument}, {name: array.copy() for name, array in request.arrays.items()})
    try:
        return ChannelMessage({"result": ATTEMPTS[kind](argument)})
    except (OSError, MemoryError, RuntimeError) as error:
        return ChannelMessage({"error": type(error).__name__})


def run_in_thread(_: Any) -> str:
    done: list[str] = []
    thread = threading.Thread(target=lambda: done.append("ran"))
    thread.start()
    thread.join()
    return done[0]


ATTEMPTS: dict[str, Callable[[Any], Any]] = {
    "environment": lambda _: dict(os.environ),
    "descriptors": lambda _: [one for one in range(64) if is_open(one)],
    "read": lambda path: len(Path(path).read_bytes()),
    "write": lambda path: Path(path).write_bytes(b""),
    "connect": lambda _: socket.create_connection(("127.0.0.1", 9), timeout=1).close(),
    "listen": lambda _: socket.create_server(("127.0.0.1", 0)).close(),
    "execute": lambda path: subprocess.run([path], check=False).returncode,
    "fork": lambda _: os.fork(),
    "signal": lambda pid: os.kill(pid, signal.SIGTERM),
    "thread": run_in_thread,
    "allocate": lambda size: len(np.ones(size, np.uint8)),
    "sleep": time.sleep,
    "end": os._exit,
}


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    serve_requests(handle_request)
