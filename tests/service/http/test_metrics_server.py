"""The worker's metrics port has the limits of the API: nobody can use up the worker's threads and descriptors there."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import httpx2
import pytest

from service.http.metrics_server import serve_metrics
from service.settings import ConnectionSettings, Settings
from service.telemetry.metrics import Metrics

SILENT = 200
Address = tuple[str, int]


@pytest.fixture
def address() -> Iterator[Address]:
    settings = Settings().model_copy(update={"connections": ConnectionSettings(header_seconds=0.5)})
    listener = socket.create_server(("127.0.0.1", 0))
    with serve_metrics(Metrics(), settings, listener):
        yield listener.getsockname()


def scrape(address: Address, **headers: str) -> httpx2.Response:
    return httpx2.get(f"http://{address[0]}:{address[1]}/metrics", headers=headers, timeout=60)


def test_metrics_are_shown(address: Address) -> None:
    assert "kernelsight_request" in scrape(address).text


def test_silent_connections_give_way(address: Address) -> None:
    with ExitStack() as stack:
        for _ in range(SILENT):
            stack.enter_context(socket.create_connection(address, timeout=30))

        shown = scrape(address).text

    assert "kernelsight_connection_places 64.0" in shown
    assert 'kernelsight_connections_ended_total{reason="gave-way"}' in shown


def test_a_silent_connection_is_closed(address: Address) -> None:
    with socket.create_connection(address, timeout=30) as silent:
        assert silent.recv(1) == b""


def test_headers_that_trickle_are_refused(address: Address) -> None:
    with socket.create_connection(address, timeout=30) as slow:
        slow.sendall(b"GET /metrics HTTP/1.1\r\n")

        assert slow.recv(100).startswith(b"HTTP/1.1 408 ")


def test_another_name_for_loopback_is_refused(address: Address) -> None:
    assert scrape(address, host="rebound.example").status_code == 421


def test_the_port_is_free_after_the_block() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    with serve_metrics(Metrics(), Settings(), listener):
        scrape(address)

    with pytest.raises(httpx2.ConnectError):
        scrape(address)
