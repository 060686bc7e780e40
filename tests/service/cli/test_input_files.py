"""Files that a command names, and what looks like one."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from service.cli.errors import FileUnreadable
from service.cli.input_files import read_file


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(path))


MAKERS = {
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "socket": make_socket,
}


@pytest.mark.parametrize("kind", MAKERS)
def test_what_has_no_end_is_no_file(tmp_path: Path, kind: str) -> None:
    MAKERS[kind](tmp_path / "a.jpg")

    with pytest.raises(FileUnreadable, match="no file"):
        read_file(tmp_path / "a.jpg")


def test_a_folder_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read_file(tmp_path)


def test_the_pipe_of_a_shell_is_read() -> None:
    code = "import sys; from pathlib import Path; from service.cli.input_files import read_file; "
    code += "sys.stdout.buffer.write(read_file(Path('/dev/stdin')))"

    done = subprocess.run([sys.executable, "-c", code], input=b"x" * 100_000, capture_output=True, check=True)

    assert done.stdout == b"x" * 100_000
