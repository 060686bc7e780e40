"""Odd requests to every route: no message has an address in memory, or the name of a class or function."""

import ast
import builtins
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.pipelines.images import encode, photograph
from tests.serving import Service, serving, wait_for_queue

ROOT = Path(__file__).parents[3]
ODD_VALUES: list[Any] = [None, True, 5, -1, 1e308, "", "x", "0x7f", [], [[]], [{}], [5], ["a", 5], {}, {"a": {}}]
ODD_BODIES: list[Any] = [*ODD_VALUES, {"type": "x"}, [{"type": "image_url", "image_url": 1}], {"image": {"url": 5}}]
ODD_BYTES = [b"", b"{", b'{"a": NaN}', b"\xff\xfe{", b'{"a": "\\ud800"}', b"[" * 1000, b"\x00", b"\xef\xbb\xbf"]
FORM = {"Content-Type": "multipart/form-data; boundary=b"}
ODD_FORMS = [
    b"",
    b"--b--",
    b"--b\r\n\r\n--b--",
    b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--\r\n',
]
INNER = re.compile(r"0x[0-9a-f]{6,}|\bfunction-|<class |<function | object at |\bTraceback\b|\blambda\b|__\w+__|\(\)")
CAMEL_CASE = re.compile(r"\b(?:[A-Z]+[a-z0-9]+){2,}\b")


def name_classes() -> set[str]:
    """Of this project, of Python's errors and of the validator."""
    ours = {
        node.name
        for layer in ("models", "pipelines", "service")
        for path in (ROOT / layer).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    }
    errors = {name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, Exception)}
    return ours | errors | {"ValidationError", "JSONDecodeError", "BaseModel", "UploadFile", "FormData"}


CLASSES = name_classes() - {"Retry"}


@pytest.fixture(scope="module")
def own_service() -> Iterator[Service]:
    with serving() as running:
        wait_for_queue(running.http)
        yield running


def list_properties(operation: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    schema = schemas.get(schema.get("$ref", "").rpartition("/")[2], schema)
    return list(schema.get("properties", {}))


def ask_oddly(
    http: httpx2.Client, method: str, path: str, operation: dict[str, Any], properties: list[str]
) -> Iterator[httpx2.Response]:
    path = re.sub(r"{\w+}", "x%00", path)
    parameters = [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]
    for name in [*parameters, "unknown"]:
        for value in ("", "x", "-1", "1e400", "{}", "\x00"):
            yield http.request(method, path, params={name: value})
    yield http.request(method, path, headers={"Last-Event-ID": "x", "Idempotency-Key": "x" * 5000})
    if "requestBody" not in operation:
        return
    image = {"image": {"data": ""}}
    bodies = [*ODD_BODIES, *({name: value} for name in properties for value in ODD_BODIES)]
    bodies += [image | {name: value} for name in properties for value in ODD_BODIES]
    for body in bodies:
        yield http.request(method, path, json=body)
    for content in ODD_BYTES:
        yield http.request(method, path, content=content, headers={"Content-Type": "application/json"})
    for content in ODD_FORMS:
        yield http.request(method, path, content=content, headers=FORM)
    jpeg = encode(photograph("cat", (90, 60)), "JPEG")
    for file in (b"", b"x", jpeg[:100], jpeg[:-600], b"%PDF-1.4 x", b"GIF89a" + bytes(20)):
        yield http.request(method, path, files={"file": file})
        yield http.request(method, path, files={"file": file}, data={"unknown": "1"})


def test_no_message_has_an_inner_name(own_service: Service) -> None:
    document = own_service.http.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    messages, statuses = set[str](), set[int]()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if path.endswith("/events"):
                continue
            for reply in ask_oddly(
                own_service.http, method.upper(), path, operation, list_properties(operation, schemas)
            ):
                statuses.add(reply.status_code)
                if reply.status_code >= 400:
                    messages.add(reply.text)

    assert len(messages) > 300
    assert not [one for one in messages if INNER.search(one)]
    assert not [one for one in messages if CLASSES & set(CAMEL_CASE.findall(one))]
    assert not {status for status in statuses if status >= 500} - {503}
