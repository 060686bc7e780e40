"""Silent connections, more than the process may have descriptors, do not end the service for others."""

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import httpx2
import pytest

from tests.conftest import Jpeg
from tests.serving import Service, serving

DESCRIPTORS = 1024
SILENT = 1500


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """For the sockets of this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * SILENT:
        pytest.skip(f"needs {2 * SILENT} file descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * SILENT), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def service() -> Iterator[Service]:
    launcher = ("sh", "-c", f'ulimit -n {DESCRIPTORS}; exec "$@"', "sh")
    with serving(launcher=launcher, pipelines="features") as running:
        yield running


def connect(service: Service) -> socket.socket:
    host, port = service.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=30)


@pytest.mark.usefixtures("many_descriptors")
def test_an_ordinary_client_is_served_beside_them(service: Service, jpeg: Jpeg) -> None:
    with ExitStack() as stack:
        for _ in range(SILENT):
            stack.enter_context(connect(service))
        client = stack.enter_context(httpx2.Client(base_url=service.url, timeout=60))

        assert client.post("/v1/features", files={"file": jpeg("cat")}).status_code == 200
        assert 'kernelsight_connections_ended_total{reason="gave-way"}' in client.get("/metrics").text
