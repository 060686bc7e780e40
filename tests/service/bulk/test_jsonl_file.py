"""The file of JSON lines: repaired after a crash, then appended to."""

from pathlib import Path

import pytest

from service.bulk.errors import OutputInvalid
from service.bulk.jsonl_file import JsonlFile, read_rows


@pytest.mark.parametrize(
    ("left", "kept"),
    [
        (b"", b""),
        (b'{"id": 1}\n', b'{"id": 1}\n'),
        (b'{"id": 1}\n{"id', b'{"id": 1}\n'),
        (b'{"id', b""),
        (b"x" * 200_000, b""),
        (b"a\n" + b"x" * 200_000, b"a\n"),
    ],
)
def test_a_torn_last_line_is_cut_off(tmp_path: Path, left: bytes, kept: bytes) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(left)

    JsonlFile(path).close()

    assert path.read_bytes() == kept


def test_lines_are_appended_to_existing_ones(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(b"one\ntw")
    lines = JsonlFile(path)
    lines.write([b"two", b"three"])
    lines.close()

    assert path.read_bytes() == b"one\ntwo\nthree\n"


def test_a_line_that_is_not_a_row_is_named(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text('{"id": "a", "source": "a"}\n{"id": "b"}\n')

    with pytest.raises(OutputInvalid, match="line 2 of"):
        list(read_rows(path))


def test_a_file_that_cannot_be_written_raises(tmp_path: Path) -> None:
    with pytest.raises(OutputInvalid, match="Is a directory"):
        JsonlFile(tmp_path)
