"""A wrong key is refused on every route of the app before a byte of the body is read."""

import socket
from collections.abc import Iterator

import httpx2
import pytest

from service.http.app import create_app
from service.settings import Settings
from tests.service.http.app_routes import served_routes
from tests.serving import Service, serving

PUBLIC = ("/healthz", "/readyz", "/docs", "/redoc", "/openapi.json", "/static-offline-docs", "/ops")

ROUTES = [
    (method, path)
    for method, path in served_routes(create_app(Settings()))
    if path != "/" and not path.startswith(PUBLIC) and method != "HEAD"
]


@pytest.fixture(scope="module")
def locked() -> Iterator[Service]:
    with serving(ready=False, api_key="right") as running:
        yield running


def test_there_are_routes_to_ask() -> None:
    assert ("POST", "/v1/feedback") in ROUTES


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_wrong_key_is_refused_without_the_body(locked: Service, method: str, path: str) -> None:
    url = httpx2.URL(locked.url)
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: {url.host}:{url.port}\r\nAuthorization: Bearer wrong\r\n"
        "Content-Type: application/json\r\nContent-Length: 10000000\r\n\r\n"
    )
    with socket.create_connection((url.host, url.port or 80), timeout=60) as connection:
        connection.sendall(head.encode())
        status = connection.makefile("rb").readline()

    assert status.split()[1] == b"401"
