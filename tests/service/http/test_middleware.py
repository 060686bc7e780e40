"""Every request has an id, which is the caller's or a new one, and every response carries it."""

import logging
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.responses import StreamingResponse

from service.http.app import create_app
from service.settings import Settings
from service.telemetry.request_context import current_request

OWN = r"req_[0-9a-f]{32}"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(scope="module")
def http() -> TestClient:
    """The app without its lifespan, so that nothing is loaded, and with three routes for these tests."""
    app = create_app(Settings())
    add_routes(app)
    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False)


def add_routes(app: FastAPI) -> None:
    @app.get("/context")
    async def context_of_request() -> dict[str, str | None]:
        context = current_request()
        assert context is not None
        return {"request_id": context.request_id, "trace_id": context.trace_id}

    @app.get("/bug/{id}")
    async def bug(id: str) -> None:
        raise ValueError("https://bucket.example/cat.jpg?X-Amz-Signature=5d672d79c15b")

    @app.get("/broken")
    async def broken() -> StreamingResponse:
        async def body() -> AsyncIterator[bytes]:
            yield b"as far as this"
            raise ValueError("and no further")

        return StreamingResponse(body())


@pytest.mark.parametrize("id", ["a", "caller-17", "2f6f-4a:b.c_d", "x" * 128])
def test_a_callers_id_is_used(http: TestClient, id: str) -> None:
    reply = http.get("/context", headers={"X-Request-Id": id})

    assert reply.headers["x-request-id"] == id
    assert reply.json()["request_id"] == id


@pytest.mark.parametrize("id", ["", "x" * 129, "two words", "a\tb", 'a"b', "a;b", "a/b?c", "\xe4", "<script>"])
def test_an_unsafe_id_is_replaced(http: TestClient, id: str) -> None:
    reply = http.get("/context", headers={b"X-Request-Id": id.encode("latin-1")})

    assert reply.headers["x-request-id"] == reply.json()["request_id"]
    assert reply.headers["x-request-id"].startswith("req_")


def test_several_ids_are_all_ignored(http: TestClient) -> None:
    reply = http.get("/context", headers=[("X-Request-Id", "one"), ("X-Request-Id", "two")])

    assert reply.json()["request_id"] not in ("one", "two")


def test_the_trace_is_known_without_opentelemetry(http: TestClient) -> None:
    reply = http.get("/context", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})

    assert reply.json()["trace_id"] == TRACE
    assert http.get("/context").json()["trace_id"] is None


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/healthz", 200), ("GET", "/nowhere", 404), ("DELETE", "/healthz", 405), ("GET", "/bug/1", 500),
     ("POST", "/v1/features", 503), ("POST", "/v1/embeddings", 503)],
)  # fmt: skip
def test_every_response_and_every_problem_has_the_id(http: TestClient, method: str, path: str, status: int) -> None:
    reply = http.request(method, path, headers={"X-Request-Id": "caller-17"})

    request_id = reply.json().get("request_id") if "problem" in reply.headers["content-type"] else "caller-17"
    assert reply.status_code == status
    assert reply.headers["x-request-id"] == "caller-17"
    assert request_id == "caller-17"


def test_the_problem_of_a_too_large_body_has_the_id(http: TestClient) -> None:
    reply = http.post("/v1/features", headers={"Content-Length": str(10**12), "X-Request-Id": "caller-17"})

    assert reply.status_code == 413
    assert reply.json()["request_id"] == "caller-17"


def test_a_bug_is_logged_once_and_counted_by_its_status(http: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "service"):
        reply = http.get("/bug/2")

    assert reply.status_code == 500
    assert reply.json()["type"] == "urn:kernelsight:problem:internal"
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    assert 'requests_total{route="/bug/{id}",status="500"}' in http.get("/metrics").text


def test_a_response_that_fails_midway_is_broken_off(http: TestClient) -> None:
    broken = TestClient(http.app, base_url="http://localhost")

    with pytest.raises(ValueError, match="no further"):
        broken.get("/broken")


def test_a_requests_log_line_has_the_routes_pattern_without_query(
    http: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "service"):
        http.get("/v1/models/some-name?token=hush")
        http.get("/nowhere/hush?token=hush")

    facts = [record.__dict__["facts"] for record in caplog.records]
    assert [(fact["route"], fact["status"]) for fact in facts] == [("/v1/models/{model}", 503), (None, 404)]
    assert "hush" not in caplog.text
