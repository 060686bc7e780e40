"""Forms as browsers, mail libraries and hand-written clients send them."""

import gzip
from collections.abc import Callable

import httpx2
import pytest

from tests.conftest import Jpeg
from tests.serving import Service

DISPOSITIONS = {
    "a name": 'form-data; name="file"; filename="cat.jpg"',
    "a name in UTF-8": 'form-data; name="file"; filename="кошка.jpg"',
    "an empty name": 'form-data; name="file"; filename=""',
    "no name": 'form-data; name="file"',
    "an extended name alone": "form-data; name=\"file\"; filename*=UTF-8''na%C3%AFve.jpg",
    "both names": 'form-data; name="file"; filename="naive.jpg"; filename*=UTF-8\'\'na%C3%AFve.jpg',
    "no quotes": "form-data; name=file; filename=cat.jpg",
}

Post = Callable[..., httpx2.Response]


@pytest.fixture
def post(service: Service) -> Post:
    def send(disposition: str, data: bytes, preamble: bytes = b"") -> httpx2.Response:
        head = f"--b\r\nContent-Disposition: {disposition}\r\nContent-Type: image/jpeg\r\n\r\n".encode()
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        return service.http.post("/v1/features", content=preamble + head + data + b"\r\n--b--\r\n", headers=headers)

    return send


@pytest.mark.parametrize("disposition", DISPOSITIONS.values(), ids=DISPOSITIONS)
def test_a_file_is_taken_whatever_its_name(post: Post, jpeg: Jpeg, disposition: str) -> None:
    assert post(disposition, jpeg("cat")).status_code == 200


@pytest.mark.parametrize("preamble", [b"This is a message in MIME format.\r\n", b"\r\n", b"x" * 60_000 + b"\r\n"])
def test_text_before_the_first_boundary_is_skipped(post: Post, jpeg: Jpeg, preamble: bytes) -> None:
    assert post(DISPOSITIONS["a name"], jpeg("cat"), preamble).status_code == 200


def test_a_large_file_without_a_name_is_taken(post: Post, jpeg: Jpeg) -> None:
    """Over the limit of a field."""
    assert post(DISPOSITIONS["no name"], jpeg("cat") + bytes(2**21)).status_code == 200


@pytest.mark.parametrize("content", [b"x" * 70_000 + b"\r\n--b", b"", b"no form"])
def test_a_body_without_a_boundary_is_refused(service: Service, content: bytes) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    reply = service.http.post("/v1/features", content=content, headers=headers)

    assert reply.status_code == 422


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=b"])
def test_a_compressed_body_is_refused_by_the_name_of_its_coding(service: Service, kind: str) -> None:
    headers = {"Content-Type": kind, "Content-Encoding": "gzip"}

    reply = service.http.post("/v1/features", content=gzip.compress(b"{}"), headers=headers)

    assert reply.status_code == 415
    assert "content encoding 'gzip'" in reply.json()["detail"]
