"""JSON bodies are read within limits, which are checked before anything large is built."""

from codecs import BOM_UTF8
from typing import Any

import orjson
import pytest

from pipelines.errors import RequestRejected
from service.errors import RequestTooComplex
from service.operations.json_request import check_value_count, parse_json, parse_json_request
from service.settings import LimitSettings

LIMITS = LimitSettings(max_json_values=1_000, max_json_depth=5, max_inputs=3, max_text_chars=20)


def parse(body: bytes | dict[str, Any]) -> Any:
    return parse_json_request(body if isinstance(body, bytes) else orjson.dumps(body), (), LIMITS).fields


@pytest.mark.parametrize("body", [{"input": ["a", "b", "c"]}, {"a": [[[[1]]]]}, {"a": "x" * 20}])
def test_a_body_at_its_limits_is_read(body: dict[str, Any]) -> None:
    assert parse(body) == body


def test_a_byte_order_mark_is_ignored() -> None:
    assert parse(BOM_UTF8 + b'{"a": 1}') == {"a": 1}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"input": ["a"] * 4}, "input: an array has 4 items; the limit is 3"),
        ({"a": {f"name{number}": 1 for number in range(33)}}, "a: an object has 33 fields; the limit is 32"),
        ({"a": {"b": [{"c": {"d": {"e": 1}}}]}}, "nested deeper than 5 levels"),
        ({"input": ["x" * 21]}, "input: a text has 21 characters; the limit is 20"),
        ({f"name{number}": 1 for number in range(1_100)}, "more than 1,000 names and values"),
        (b"[" * 100_000 + b"]" * 100_000, "more than 1,000 names and values"),
        (b'\xff\xfe{\0"\0', "the body is in UTF-16 or UTF-32; JSON must be in UTF-8"),
        (b"[" * 900 + b"]" * 900, "the body must be a JSON object"),
    ],
)
def test_a_body_over_a_limit_is_refused(body: bytes | dict[str, Any], why: str) -> None:
    with pytest.raises(RequestRejected, match=why):
        parse(body)


def test_json_that_is_too_deep_for_the_parser_is_no_json() -> None:
    limits = LimitSettings(max_json_values=1_000_000)

    with pytest.raises(RequestRejected, match="the body is not JSON"):
        parse_json(b"[" * 100_000 + b"]" * 100_000, limits)


@pytest.mark.parametrize("head", ["data:image/png;base64,", "DATA:image/png;BASE64,", " data:image/png;base64,"])
def test_a_data_url_is_no_text(head: str) -> None:
    body = {"input": head + "A" * 1_000}

    assert parse(body) == body


@pytest.mark.parametrize(
    "text", [b'"' + b"a,[{" * 500 + b'"', rb'"\\","' + b"," * 2_000 + b'"', rb'"\"' + b"," * 2_000 + b'"']
)
def test_commas_in_texts_are_no_values(text: bytes) -> None:
    check_value_count(b"[" + text + b"]", 1_000)


@pytest.mark.parametrize("piece", [b"[],", b"1,", b'"",', b'{"a":1},', rb'"\\",', rb'"\"",'])
def test_values_are_counted_whatever_they_are(piece: bytes) -> None:
    with pytest.raises(RequestTooComplex, match="more than 1,000 names and values"):
        check_value_count(b"[" + piece * 1_500 + b"1]", 1_000)
