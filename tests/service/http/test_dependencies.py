"""Authentication by key, and the addresses that the service may listen on."""

from collections.abc import Iterator

import pytest

from tests.conftest import Jpeg
from tests.serving import Service, run, serving


@pytest.fixture(scope="module")
def service_with_key() -> Iterator[Service]:
    with serving("--host", "0.0.0.0", api_key="open sesame", pipelines="features") as running:
        running.http.base_url = running.url.replace("0.0.0.0", "127.0.0.1")
        yield running


@pytest.mark.parametrize("path", ["/v1/models", "/metrics"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"Authorization": "Bearer wrong"}, 401), ({"Authorization": "Basic open"}, 401),
     ({"Authorization": "Bearer open sesame"}, 200)],
)  # fmt: skip
def test_only_the_right_key_is_accepted(
    service_with_key: Service, path: str, headers: dict[str, str], status: int
) -> None:
    assert service_with_key.http.get(path, headers=headers).status_code == status


def test_an_image_without_the_key_is_refused_with_a_problem(service_with_key: Service, jpeg: Jpeg) -> None:
    reply = service_with_key.http.post("/v1/features", files={"file": jpeg("cat")})

    assert reply.headers["www-authenticate"] == "Bearer"
    assert reply.json()["type"] == "urn:kernelsight:problem:unauthorised"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/docs", "/openapi.json"])
def test_health_and_documentation_need_no_key(service_with_key: Service, path: str) -> None:
    assert service_with_key.http.get(path).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_binding_beyond_loopback_without_a_key_is_refused(host: str) -> None:
    done = run("serve", "--host", host, "--port", "0")

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "KERNELSIGHT_API_KEY" in done.stderr


def test_insecure_allows_binding_beyond_loopback() -> None:
    with serving("--host", "0.0.0.0", "--insecure", ready=False) as running:
        assert running.url.startswith("http://0.0.0.0:")
