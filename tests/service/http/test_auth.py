"""Who may ask, and where the service may listen."""

from collections.abc import Iterator

import pytest

from tests.conftest import Jpeg
from tests.serving import Service, run, serving


@pytest.fixture(scope="module")
def guarded() -> Iterator[Service]:
    with serving("--host", "0.0.0.0", api_key="open sesame", pipelines="features") as running:
        running.http.base_url = running.url.replace("0.0.0.0", "127.0.0.1")
        yield running


@pytest.mark.parametrize("path", ["/v1/models", "/metrics"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"Authorization": "Bearer wrong"}, 401), ({"Authorization": "Basic open"}, 401),
     ({"Authorization": "Bearer open sesame"}, 200)],
)  # fmt: skip
def test_only_the_key_opens(guarded: Service, path: str, headers: dict[str, str], status: int) -> None:
    assert guarded.http.get(path, headers=headers).status_code == status


def test_without_the_key_an_image_is_refused_as_a_problem(guarded: Service, jpeg: Jpeg) -> None:
    reply = guarded.http.post("/v1/features", files={"file": jpeg("cat")})

    assert (reply.headers["www-authenticate"], reply.json()["type"]) == (
        "Bearer",
        "urn:kernelsight:problem:unauthorised",
    )


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/docs", "/openapi.json"])
def test_health_and_documentation_need_no_key(guarded: Service, path: str) -> None:
    assert guarded.http.get(path).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_binding_beyond_loopback_without_a_key_is_refused_in_one_line(host: str) -> None:
    done = run("serve", "--host", host, "--port", "0")

    assert (done.returncode, done.stdout, done.stderr.count("\n"), "KERNELSIGHT_API_KEY" in done.stderr) == (
        1, "", 1, True,
    )  # fmt: skip


def test_insecure_binds_beyond_loopback_when_the_operator_says_so() -> None:
    with serving("--host", "0.0.0.0", "--insecure", ready=False) as running:
        assert running.url.startswith("http://0.0.0.0:")
