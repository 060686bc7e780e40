"""Every answer tells browsers not to guess its type, not to frame it, and not to run what is in it."""

import pytest
from fastapi.testclient import TestClient

from service.http.app import create_app
from service.settings import Settings
from tests.service.http.app_routes import served_routes

PAGES = ("/ops/", "/docs", "/redoc")

STRICT = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


@pytest.fixture(scope="module")
def client() -> TestClient:
    """The app without its lifespan, and with a route that fails."""
    app = create_app(Settings())

    @app.get("/bug")
    async def bug() -> None:
        raise ValueError

    return TestClient(app, base_url="http://localhost:8000", raise_server_exceptions=False, follow_redirects=False)


def check_headers(client: TestClient, method: str, path: str, **headers: str) -> None:
    reply = client.request(method, path, headers=headers)

    assert reply.headers.get_list("x-content-type-options") == ["nosniff"]
    assert reply.headers.get_list("x-frame-options") == ["DENY"]
    assert reply.headers.get_list("referrer-policy") == ["no-referrer"]
    (policy,) = reply.headers.get_list("content-security-policy")
    assert "frame-ancestors 'none'" in policy
    assert policy == STRICT or path.startswith(PAGES)


@pytest.mark.parametrize(("method", "path"), served_routes(create_app(Settings())))
def test_every_route_has_the_headers(client: TestClient, method: str, path: str) -> None:
    check_headers(client, method, path)


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [("GET", "/nowhere", {}), ("DELETE", "/healthz", {}), ("GET", "/bug", {}), ("GET", "/ops/nothing.js", {}),
     ("POST", "/v1/features", {"Content-Length": str(10**12)}), ("POST", "/v1/jobs", {"Origin": "null"}),
     ("GET", "/", {"Host": "rebound.example"})],
)  # fmt: skip
def test_refusals_have_them_too(client: TestClient, method: str, path: str, headers: dict[str, str]) -> None:
    check_headers(client, method, path, **headers)


@pytest.mark.parametrize("path", PAGES)
def test_pages_run_no_scripts_but_their_own(client: TestClient, path: str) -> None:
    policy = client.get(path).headers["content-security-policy"]
    scripts = next((rule for rule in policy.split("; ") if rule.startswith("script-src")), "")

    assert policy.startswith("default-src 'self'; ")
    assert "unsafe" not in scripts


def test_the_operations_page_runs_scripts_of_files_only(client: TestClient) -> None:
    assert "unsafe" not in client.get("/ops/").headers["content-security-policy"]
