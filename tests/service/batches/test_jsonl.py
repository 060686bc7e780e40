"""Files of requests: what is wrong with them is found before anything is done, and they are cut where lines end."""

import io
import json

import pytest

from service.batches.jsonl import CHUNK_LINES, check, read

URL = "/v1/moderations"


def line(id: str, **other: object) -> bytes:
    return json.dumps({"custom_id": id, "method": "POST", "url": URL, "body": {"input": "hi"}} | other).encode() + b"\n"


def test_chunks_begin_where_lines_do_and_have_all_of_them() -> None:
    data = b"\n".join(line(f"r{number}") for number in range(CHUNK_LINES * 2 + 3)) + b"\n\n"

    checked = check(io.BytesIO(data), URL)

    ids = []
    for chunk in checked.chunks:
        source = io.BytesIO(data)
        source.seek(chunk.at)
        ids += [one.custom_id for one in read(source, chunk.lines)]
    assert (checked.errors, [chunk.lines for chunk in checked.chunks]) == ([], [CHUNK_LINES, CHUNK_LINES, 3])
    assert ids == [f"r{number}" for number in range(CHUNK_LINES * 2 + 3)]


def test_the_last_line_needs_no_end() -> None:
    assert check(io.BytesIO(line("a") + line("b").rstrip()), URL).total == 2


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (b"{not json}\n", "invalid_json_line"),
        (b'{"custom_id": "b"}\n', "invalid_json_line"),
        (line("b", method="GET"), "invalid_json_line"),
        (line("b", url="/v1/faces"), "mismatched_endpoint"),
        (line("a"), "duplicate_custom_id"),
    ],
)
def test_a_wrong_line_is_named_with_its_number(wrong: bytes, code: str) -> None:
    checked = check(io.BytesIO(line("a") + b"\n" + wrong + line("c")), URL)

    assert [(error.code, error.line) for error in checked.errors] == [(code, 3)]
    assert checked.chunks == []


def test_a_file_without_requests_is_wrong() -> None:
    assert [error.code for error in check(io.BytesIO(b"\n \n"), URL).errors] == ["empty_file"]
