"""Files are replaced as a whole, on disk and on fsspec's file systems."""

import stat
from pathlib import Path
from typing import BinaryIO

import pytest
from fsspec.implementations.local import LocalFileSystem

from models.atomic_write import open_atomically, open_atomically_on, publish_file, write_atomically


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file.json"
    path.write_bytes(b"old")
    return path


def fail_halfway(file: BinaryIO) -> None:
    file.write(b"half")
    raise ZeroDivisionError


def names_beside(path: Path) -> list[str]:
    return [one.name for one in path.parent.iterdir()]


@pytest.mark.parametrize("content", ["grün", "grün".encode()], ids=type)
def test_text_and_bytes_replace_a_file(path: Path, content: str | bytes) -> None:
    write_atomically(path, content)

    assert path.read_bytes() == "grün".encode()
    assert names_beside(path) == ["file.json"]


def test_a_written_file_can_be_read_by_other_users(path: Path) -> None:
    write_atomically(path, "new")

    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_the_old_file_stays_until_the_block_ends(path: Path) -> None:
    with open_atomically(path) as file:
        file.write(b"new")
        during = path.read_bytes()

    assert during == b"old"
    assert path.read_bytes() == b"new"


def test_a_block_that_fails_leaves_the_old_file_alone(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), open_atomically(path) as file:
        fail_halfway(file)

    assert path.read_bytes() == b"old"
    assert names_beside(path) == ["file.json"]


def test_a_complete_file_gets_its_final_name(path: Path) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(b"new")
    publish_file(part, path)

    assert path.read_bytes() == b"new"
    assert names_beside(path) == ["file.json"]


def test_a_remote_file_system_is_written_atomically(path: Path) -> None:
    with open_atomically_on(LocalFileSystem(), str(path)) as file:
        file.write(b"new")
        during = path.read_bytes()

    assert during == b"old"
    assert path.read_bytes() == b"new"
    assert names_beside(path) == ["file.json"]


def test_a_failing_block_leaves_nothing_on_a_remote_file_system(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), open_atomically_on(LocalFileSystem(), str(path)) as file:
        fail_halfway(file)

    assert path.read_bytes() == b"old"
    assert names_beside(path) == ["file.json"]
