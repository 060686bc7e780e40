"""Forms, JSON bodies and queries over a limit get a typed error."""

import json
from typing import Any

import pytest

from tests.serving import Service, problem_code, wait_for_queue

JSON = {"Content-Type": "application/json"}
FORM = "multipart/form-data; boundary=b"
FILE = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\nx\r\n'

IMAGE_ROUTES = ("/v1/features", "/v1/analyze", "/v1/documents", "/v1/jobs")


def nest(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def field(name: str, value: str = "1") -> str:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'


def post_form(service: Service, *parts: str, content_type: str = FORM, path: str = "/v1/features") -> Any:
    body = "".join((*parts, "--b--\r\n"))
    return service.http.post(path, content=body.encode(), headers={"Content-Type": content_type})


@pytest.fixture(scope="module")
def queue_service(service: Service) -> Service:
    """The service once it has opened the queue, which comes after the models."""
    wait_for_queue(service.http)
    return service


@pytest.mark.parametrize(("levels", "code"), [(100_000, "request-rejected"), (500, "request-too-complex")])
@pytest.mark.parametrize("path", [*IMAGE_ROUTES, "/v1/feedback"])
def test_deeply_nested_json_is_refused(queue_service: Service, path: str, levels: int, code: str) -> None:
    """Above about 1,000 levels it is no JSON to the parser."""
    body = b'{"image":{"data":""},"x":' + nest(levels) + b"}"
    reply = queue_service.http.post(path, content=body, headers=JSON)

    assert (reply.status_code, problem_code(reply)) == (422, code)


@pytest.mark.parametrize(("levels", "code"), [(100_000, "request-rejected"), (500, "request-too-complex")])
@pytest.mark.parametrize("path", ["/v1/moderations", "/v1/embeddings", "/v1/batches"])
def test_deeply_nested_json_is_refused_in_openais_form(
    queue_service: Service, path: str, levels: int, code: str
) -> None:
    reply = queue_service.http.post(path, content=b'{"input":' + nest(levels) + b"}", headers=JSON)

    assert (reply.status_code, reply.json()["error"]["code"]) == (400, code)


@pytest.mark.parametrize("body", [{"input": ["a"] * 33}, {"input": "a" * 100_001}])
def test_more_or_longer_texts_than_the_limit_are_refused(service: Service, body: dict[str, Any]) -> None:
    reply = service.http.post("/v1/moderations", json=body)

    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "request-too-complex")


@pytest.mark.parametrize("given", [5, [{"type": "x"}], [1], ["a", 1]])
def test_an_error_about_an_input_is_short_and_plain(service: Service, given: Any) -> None:
    message = service.http.post("/v1/moderations", json={"input": given}).json()["error"]["message"]

    assert len(message) < 200
    assert "0x" not in message


def test_an_error_about_options_has_ten_at_most(service: Service) -> None:
    reply = service.http.post("/v1/features?" + "&".join(f"unknown{number}=1" for number in range(30)))
    problem = reply.json()

    assert len(problem["errors"]) == 10
    assert problem["detail"].endswith("; and 20 more")


def test_a_query_with_too_many_parameters_is_refused(service: Service) -> None:
    reply = service.http.post("/v1/features?" + "&" * 100)

    assert (reply.status_code, problem_code(reply)) == (422, "request-too-complex")


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ("".join(field(f"f{number}") for number in range(33)), "request-too-complex"),
        (field("top_k", "1" * 70_000), "request-too-complex"),
        (field("n" * 101), "request-too-complex"),
        (FILE, "request-too-complex"),
        ("--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n", "request-rejected"),
        (f"--b\r\nX-Header: {'x' * 100_000}\r\n\r\n1\r\n", "request-rejected"),
    ],
)
def test_a_form_over_a_limit_is_refused(service: Service, part: str, code: str) -> None:
    reply = post_form(service, FILE, part)

    assert (reply.status_code, problem_code(reply)) == (422, code)


@pytest.mark.parametrize("path", ["/v1/features", "/v1/analyze"])
def test_a_form_in_another_encoding_is_refused(service: Service, path: str) -> None:
    """Decoding punycode takes the square of its length: minutes for fields of a megabyte."""
    reply = post_form(service, FILE, field("top_k", "a-" + "b" * 60_000), content_type=f"{FORM}; charset=punycode")

    assert (reply.status_code, problem_code(reply)) == (415, "media-type-rejected")


def test_a_form_that_says_utf_8_is_read(service: Service) -> None:
    reply = post_form(service, FILE, content_type=f'{FORM}; charset="UTF-8"')

    assert (reply.status_code, problem_code(reply)) == (415, "image-unsupported")


@pytest.mark.parametrize("path", ["/v1/files", "/v1/features"])
def test_a_form_of_another_type_is_refused(queue_service: Service, path: str) -> None:
    """The parser of these forms is slow: it would take seconds for what a file of a batch may have."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = queue_service.http.post(path, content=b"&" * 1_000, headers=headers)
    body = reply.json()

    assert reply.status_code == 415
    assert json.dumps(body).count("multipart/form-data")


def test_an_idempotency_key_is_bounded_on_every_way_to_a_job(queue_service: Service) -> None:
    headers = {"Prefer": "respond-async", "Idempotency-Key": "k" * 201}
    reply = queue_service.http.post("/v1/features", json={"image": {"data": "AAAA"}}, headers=headers)

    assert (reply.status_code, problem_code(reply)) == (422, "request-rejected")
