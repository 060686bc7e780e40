"""Every kind of bad request is answered with problem+json that has its own type."""

import base64
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import Jpeg
from tests.serving import Service, problem_code


def png_bomb(width: int, height: int) -> bytes:
    """A PNG of a hundred bytes whose header claims this size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


PROBLEM_JSON = "application/problem+json"

BAD_FILES: dict[str, tuple[Callable[[bytes], bytes], int, str]] = {
    "empty": (lambda whole: b"", 400, "image-empty"),
    "text": (lambda whole: b"hello, I am no image", 415, "image-unsupported"),
    "pdf": (lambda whole: b"%PDF-1.7 and so on", 422, "document-corrupt"),
    "cut off": (lambda whole: whole[: len(whole) // 2], 422, "image-truncated"),
    "damaged": (lambda whole: whole[:2] + b"\xff\xc0\x00\x03" + whole[6:], 422, "image-corrupt"),
    "bomb": (lambda whole: png_bomb(60_000, 60_000), 413, "image-too-many-pixels"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_each_kind_of_bad_file_has_its_own_problem_type(service: Service, jpeg: Jpeg, name: str) -> None:
    spoil, status, code = BAD_FILES[name]

    reply = service.http.post("/v1/features", files={"file": spoil(jpeg("cat"))})

    assert reply.status_code == status
    assert problem_code(reply) == code
    assert reply.headers["content-type"] == PROBLEM_JSON


BAD_REQUESTS: dict[str, tuple[dict[str, Any], int, str]] = {
    "no content": ({}, 415, "media-type-rejected"),
    "not json": ({"content": b"{", "headers": {"content-type": "application/json"}}, 422, "request-rejected"),
    "json without image": ({"json": {"top_k": 3}}, 422, "request-rejected"),
    "json that is a list": ({"json": [1]}, 422, "request-rejected"),
    "image without data": ({"json": {"image": {}}}, 422, "request-rejected"),
    "image with both": ({"json": {"image": {"data": "", "url": "data:"}}}, 422, "request-rejected"),
    "not base64": ({"json": {"image": {"data": "§§§"}}}, 422, "request-rejected"),
    "unknown option": ({"json": {"image": {"data": "AAAA"}, "topk": 3}}, 422, "request-rejected"),
    "option out of range": ({"json": {"image": {"data": "AAAA"}, "top_k": -1}}, 422, "request-rejected"),
    "url": ({"json": {"image": {"url": "http://127.0.0.1/cat.jpg"}}}, 422, "url-rejected"),
    "url that is a path": ({"json": {"image": {"url": "/etc/passwd"}}}, 422, "url-rejected"),
    "form without file": ({"files": {"picture": b"x"}}, 422, "request-rejected"),
    "form with two files": ({"files": {"file": b"x", "other": b"x"}}, 422, "request-too-complex"),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_each_kind_of_bad_request_has_its_problem(service: Service, name: str) -> None:
    request, status, code = BAD_REQUESTS[name]

    reply = service.http.post("/v1/features", **request)

    assert reply.status_code == status
    assert problem_code(reply) == code
    assert reply.headers["content-type"] == PROBLEM_JSON


@pytest.mark.parametrize("query", ["top_k=-1", "top_k=many", "min_score=2", "embedding=xml", "colour=red"])
def test_a_bad_query_option_is_named_in_the_detail(service: Service, jpeg: Jpeg, query: str) -> None:
    reply = service.http.post(f"/v1/features?{query}", files={"file": jpeg("cat")})

    assert reply.status_code == 422
    assert problem_code(reply) == "request-rejected"
    assert query.partition("=")[0] in reply.json()["detail"]


@pytest.mark.parametrize("pipelines", ["horoscope", "features,horoscope", ","])
def test_an_unknown_pipeline_is_refused_with_the_known_ones(service: Service, jpeg: Jpeg, pipelines: str) -> None:
    reply = service.http.post(f"/v1/analyze?pipelines={pipelines}", files={"file": jpeg("cat")})

    assert reply.status_code == 422
    assert problem_code(reply) == "request-rejected"
    assert "features" in reply.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/v1/nothing", 404, "not-found"), ("GET", "/v1/features", 405, "method-not-allowed"),
     ("GET", "/v1/models/nothing", 404, "model-unknown")],
)  # fmt: skip
def test_wrong_paths_and_methods_have_their_problems(
    service: Service, method: str, path: str, status: int, code: str
) -> None:
    reply = service.http.request(method, path)

    assert reply.status_code == status
    assert problem_code(reply) == code
    assert reply.headers["content-type"] == PROBLEM_JSON


def test_a_body_announced_as_too_large_is_refused_unread(service: Service) -> None:
    request = (
        b"POST /v1/features HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection((service.http.base_url.host, service.http.base_url.port or 0), 30) as connection:
        connection.sendall(request % 10**12)
        answer = connection.makefile("rb").read()

    assert answer.split()[1] == b"413"
    assert b"body-too-large" in answer


def test_a_body_that_grows_too_large_is_refused_while_it_arrives(service: Service) -> None:
    def stream_large_form() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
        for _ in range(64):
            yield b"x" * 2**20

    reply = service.http.post(
        "/v1/features", content=stream_large_form(), headers={"content-type": "multipart/form-data; boundary=b"}
    )

    assert reply.status_code == 413
    assert problem_code(reply) == "body-too-large"
    assert reply.headers["content-type"] == PROBLEM_JSON


def test_an_image_over_the_byte_limit_is_refused(service: Service) -> None:
    data = base64.b64encode(b"\xff\xd8\xff" + bytes(20 * 2**20)).decode()

    reply = service.http.post("/v1/features", json={"image": {"data": data}})

    assert reply.status_code == 413
    assert problem_code(reply) == "image-too-many-bytes"
    assert reply.headers["content-type"] == PROBLEM_JSON
