"""Two hundred strings made to stop a pattern or a parser, in every option that takes a string.

The service is a process of its own: one that hangs ends the test after the client's minute.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any

import httpx2
import pytest

from tests.serving import Service, serving, wait_for_queue

PIECES = [
    "1- ,", "1,", "-1,", "1-1", "a", "a,", "é", "٣", " ", "\t ", "%", "%2", "\\", "\\d", "(", "(a+)+", "[", "{", '"',
    "'", "/", "../", "://", "@", ".", "a.", "-", "_", ":", ";", "&", "#", "0", "e9", "\u200b", "\ufeff", "😀", "<a ",
    "n0", "\u202e",
]  # fmt: skip
ENDS = [("", ""), ("", "x"), ("1", "!"), ("data:", ";base64,"), ("http://", "/")]
STRINGS = [start + piece * (600 // len(piece)) + end for piece, (start, end) in product(PIECES, ENDS)]

FORM = {"Content-Type": "multipart/form-data; boundary=b"}
FILE = '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n\r\n--b--\r\n'


@pytest.fixture(scope="module")
def own_service() -> Iterator[Service]:
    with serving() as running:
        wait_for_queue(running.http)
        yield running


def takes_strings(schema: dict[str, Any], schemas: dict[str, Any]) -> bool:
    schema = schemas.get(schema.get("$ref", "").rpartition("/")[2], schema)
    kinds = schema.get("anyOf", []) + schema.get("oneOf", []) or [schema]
    return any(kind.get("type") == "string" or "enum" in kind or "const" in kind for kind in kinds)


def string_options(operation: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    parameters = {one["name"]: one["schema"] for one in operation.get("parameters", []) if one["in"] == "query"}
    body = operation["requestBody"]["content"].get("application/json", {}).get("schema", {})
    options: dict[str, Any] = parameters | body.get("properties", {})
    return [name for name, schema in options.items() if takes_strings(schema, schemas)]


def ask(http: httpx2.Client, path: str, options: dict[str, str]) -> set[int]:
    """The statuses of the options in the query, in a form, and in JSON; the image has no bytes.

    A pipeline whose models are not in the store may say so.
    """
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in options.items()
    ]
    image = {"image": {"data": ""}}
    replies = (
        http.post(path, params=options, json=image),
        http.post(path, content="".join([*parts, FILE]).encode(), headers=FORM),
        http.post(path, json=image | options),
    )
    return {reply.status_code for reply in replies if "pipeline-unavailable" not in reply.text}


def test_there_are_two_hundred_strings() -> None:
    assert len(set(STRINGS)) >= 200


def test_no_string_stops_the_service(own_service: Service) -> None:
    http = own_service.http
    document = http.get("/openapi.json").json()
    posts = {path: methods["post"] for path, methods in document["paths"].items() if "post" in methods}
    options = {
        path: string_options(operation, document["components"]["schemas"])
        for path, operation in posts.items()
        if "requestBody" in operation and "{" not in path
    }
    assert "pages" in options["/v1/documents"]
    assert "input" in options["/v1/moderations"]

    statuses = set[int]()
    for string, path in product(STRINGS, options):
        statuses |= ask(http, path, dict.fromkeys(options[path], string))

    assert {status for status in statuses if status >= 500} == set()
    assert http.get("/healthz").json()["status"] == "ok"
