"""Files of requests: errors are found before any request is run, and chunks begin where lines do."""

import io
import json
from codecs import BOM_UTF8

import pytest

from service.batches.jsonl import CHUNK_LINES, read_lines, validate_file
from service.settings import LimitSettings

URL = "/v1/moderations"


def line(id: str, **other: object) -> bytes:
    return json.dumps({"custom_id": id, "method": "POST", "url": URL, "body": {"input": "hi"}} | other).encode() + b"\n"


def test_chunks_begin_at_lines_and_cover_all_of_them() -> None:
    data = b"\n".join(line(f"r{number}") for number in range(CHUNK_LINES * 2 + 3)) + b"\n\n"

    validated = validate_file(io.BytesIO(data), URL, LimitSettings())

    ids = []
    for chunk in validated.chunks:
        source = io.BytesIO(data)
        source.seek(chunk.offset)
        ids += [one.custom_id for one in read_lines(source, chunk.lines)]
    assert validated.errors == []
    assert [chunk.lines for chunk in validated.chunks] == [CHUNK_LINES, CHUNK_LINES, 3]
    assert ids == [f"r{number}" for number in range(CHUNK_LINES * 2 + 3)]


def test_the_last_line_needs_no_line_break() -> None:
    assert validate_file(io.BytesIO(line("a") + line("b").rstrip()), URL, LimitSettings()).total == 2


def test_byte_order_marks_are_ignored() -> None:
    data = BOM_UTF8 + line("a") + BOM_UTF8 + line("b") + BOM_UTF8 + b"\n"

    validated = validate_file(io.BytesIO(data), URL, LimitSettings())

    assert validated.errors == []
    assert [one.custom_id for one in read_lines(io.BytesIO(data), validated.total)] == ["a", "b"]


def test_a_file_in_utf_16_is_told_so() -> None:
    data = line("a").decode().encode("utf-16")

    errors = validate_file(io.BytesIO(data), URL, LimitSettings()).errors

    assert "UTF-16" in errors[0].message


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
def test_an_invalid_line_is_reported_with_its_number(wrong: bytes, code: str) -> None:
    validated = validate_file(io.BytesIO(line("a") + b"\n" + wrong + line("c")), URL, LimitSettings())

    assert [(error.code, error.line) for error in validated.errors] == [(code, 3)]
    assert validated.chunks == []


def test_a_file_without_requests_is_invalid() -> None:
    assert [error.code for error in validate_file(io.BytesIO(b"\n \n"), URL, LimitSettings()).errors] == ["empty_file"]


@pytest.mark.parametrize("body", [b"[" * 9 + b"]" * 9, b"[" + b"[]," * 100 + b"1]"])
def test_a_line_over_the_limits_of_json_is_named(body: bytes) -> None:
    limits = LimitSettings(max_json_values=100, max_json_depth=5)
    text = b'{"custom_id":"a","method":"POST","url":"' + URL.encode() + b'","body":{"x":' + body + b"}}\n"
    errors = validate_file(io.BytesIO(text), URL, limits).errors

    assert [(error.line, error.code) for error in errors] == [(1, "invalid_json_line")]


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"image": {"data": "A" * 200}}, []),
        ({"input": [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 200}}]}, []),
        ({"input": "A" * 200}, ["invalid_json_line"]),
    ],
)
def test_images_in_lines_are_no_long_texts(body: dict[str, object], errors: list[str]) -> None:
    limits = LimitSettings(max_text_chars=100)

    validated = validate_file(io.BytesIO(line("a", body=body)), URL, limits)

    assert [error.code for error in validated.errors] == errors
