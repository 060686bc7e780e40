"""Reads the files that a command names."""

import stat
from pathlib import Path

from service.cli.errors import FileUnreadable


def read_file(path: Path) -> bytes:
    """Raises OSError, and FileUnreadable for a device, which may have no end, and a pipe, which may have no writer.

    Pipes that a shell makes for a command (`/dev/stdin`, `<(…)`) are read.
    """
    mode = path.stat().st_mode
    is_shells_pipe = stat.S_ISFIFO(mode) and path.is_relative_to("/dev")
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or is_shells_pipe):
        raise FileUnreadable("this is no file: a pipe, a socket or a device")
    return path.read_bytes()
