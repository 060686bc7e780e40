"""The file of JSON lines: what a crash leaves of it, and how it is taken up."""

from pathlib import Path

import pytest

from service.bulk.errors import OutputInvalid
from service.bulk.jsonl_file import Lines, rows_of


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

    Lines(path).close()

    assert path.read_bytes() == kept


def test_lines_are_appended_to_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(b"one\ntw")
    lines = Lines(path)
    lines.write([b"two", b"three"])
    lines.close()

    assert path.read_bytes() == b"one\ntwo\nthree\n"


def test_a_line_that_is_no_row_is_named(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text('{"id": "a", "source": "a"}\n{"id": "b"}\n')

    with pytest.raises(OutputInvalid, match="line 2 of"):
        list(rows_of(path))


def test_a_file_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(OutputInvalid, match="Is a directory"):
        Lines(tmp_path)
