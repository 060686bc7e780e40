"""No route does anything for a page of another site, or under a name that is not the service's."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

from service.http.app import create_app
from service.settings import ServerSettings, Settings
from tests.service.http.app_routes import served_routes
from tests.serving import problem_code

OWN = "http://127.0.0.1:8000"

CHANGING = ("POST", "PUT", "PATCH", "DELETE")

FOREIGN: dict[str, dict[str, str]] = {
    "another site": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    "another port": {"Origin": "http://127.0.0.1:3000", "Sec-Fetch-Site": "same-site"},
    "a sandboxed page": {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    "a browser without Sec-Fetch-Site": {"Origin": "https://evil.example"},
    "a sandboxed page of such a browser": {"Origin": "null"},
    "a browser that sends no Origin": {"Sec-Fetch-Site": "cross-site"},
}

OWN_CLIENTS: dict[str, dict[str, str]] = {
    "no browser": {},
    "our own page": {"Origin": OWN, "Sec-Fetch-Site": "same-origin"},
    "our own page, without Sec-Fetch-Site": {"Origin": OWN},
    "our own page behind a proxy that ends TLS": {"Origin": "https://127.0.0.1:8000"},
    "the user": {"Sec-Fetch-Site": "none"},
}

BODIES: dict[str, dict[str, object]] = {
    "json": {"json": {"image": {"data": "AAAA"}}},
    "form": {"files": {"file": b"GIF89a"}},
    "json as text": {"content": b'{"image": {"data": "AAAA"}}', "headers": {"Content-Type": "text/plain"}},
}


def make_client(**settings: object) -> TestClient:
    """The app without its lifespan: what nothing refuses is told to wait for the models."""
    app = create_app(Settings(server=ServerSettings(**settings)))  # type: ignore[arg-type]
    return TestClient(app, base_url=OWN, raise_server_exceptions=False)


@pytest.fixture(scope="module")
def client() -> TestClient:
    return make_client()


def all_routes() -> list[tuple[str, str]]:
    app = make_client().app
    assert isinstance(app, FastAPI)
    return served_routes(app)


def code(reply: Response) -> str:
    body = reply.json()
    return body["error"]["code"] if "error" in body else problem_code(reply)


@pytest.mark.parametrize("foreign", FOREIGN)
@pytest.mark.parametrize(("method", "path"), [one for one in all_routes() if one[0] in CHANGING])
def test_a_route_that_changes_something_refuses_foreign_pages(
    client: TestClient, method: str, path: str, foreign: str
) -> None:
    reply = client.request(method, path, headers=FOREIGN[foreign])

    assert reply.status_code == 403
    assert code(reply) == "cross-site-refused"


@pytest.mark.parametrize("body", BODIES)
def test_no_kind_of_body_gets_past(client: TestClient, body: str) -> None:
    given = {"headers": {}, **BODIES[body]}
    given["headers"] = {**given["headers"], **FOREIGN["another site"]}  # type: ignore[dict-item]

    assert client.post("/v1/features", **given).status_code == 403  # type: ignore[arg-type]


@pytest.mark.parametrize("own", OWN_CLIENTS)
def test_other_clients_and_our_own_pages_pass(client: TestClient, own: str) -> None:
    reply = client.post("/v1/features", headers=OWN_CLIENTS[own], json={"image": {"data": "AAAA"}})

    assert code(reply) == "not-ready"


def test_links_from_other_sites_open(client: TestClient) -> None:
    assert client.get("/ops/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.mark.parametrize(("method", "path"), all_routes())
def test_no_route_is_served_under_a_foreign_name(client: TestClient, method: str, path: str) -> None:
    reply = client.request(method, path, headers={"Host": "rebound.example:8000"})

    assert reply.status_code == 421
    assert method == "HEAD" or code(reply) == "host-not-allowed"


LOOPBACK_NAMES = ["localhost", "LOCALHOST:8000", "localhost.", "127.0.0.1", "127.0.0.1:80", "127.8.8.8", "[::1]:8000"]


@pytest.mark.parametrize("host", LOOPBACK_NAMES)
def test_loopbacks_own_names_are_served(client: TestClient, host: str) -> None:
    assert client.get("/openapi.json", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["localhost.evil.example", "127.0.0.1.evil.example", "evil.example:127", "[::1].evil.example", "", "2130706433",
     "[::2]", "127.0.0.1@evil.example", "10.0.0.1"],
)  # fmt: skip
def test_names_that_look_like_loopback_are_not(client: TestClient, host: str) -> None:
    assert client.get("/openapi.json", headers={"Host": host}).status_code == 421


def test_further_names_are_a_setting() -> None:
    client = make_client(allowed_hosts=("API.example.com",))

    assert client.get("/openapi.json", headers={"Host": "api.example.com:443"}).status_code == 200
    assert client.get("/openapi.json", headers={"Host": "api.example.org"}).status_code == 421


def test_beyond_loopback_every_name_is_served_unless_some_are_set() -> None:
    host = {"Host": "api.example.com"}

    assert make_client(host="0.0.0.0").get("/openapi.json", headers=host).status_code == 200
    assert (
        make_client(host="0.0.0.0", allowed_hosts=("a.example",)).get("/openapi.json", headers=host).status_code == 421
    )


def test_two_hosts_are_refused(client: TestClient) -> None:
    assert client.get("/openapi.json", headers=[("Host", "localhost"), ("Host", "localhost")]).status_code == 421


PREFLIGHT = {
    "Origin": "https://chat.example",
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


def test_no_other_origin_may_read_answers_by_default(client: TestClient) -> None:
    preflight = client.options("/v1/features", headers=PREFLIGHT)
    reply = client.get("/openapi.json", headers={"Origin": "https://chat.example"})

    assert preflight.status_code == 405
    assert not [name for reply in (preflight, reply) for name in reply.headers if name.startswith("access-control")]


def test_an_origin_of_the_setting_may_use_the_api() -> None:
    client = make_client(cors_origins=("https://chat.example",))

    preflight = client.options("/v1/features", headers=PREFLIGHT)
    reply = client.post(
        "/v1/features", headers={"Origin": "https://chat.example", "Sec-Fetch-Site": "cross-site"}, json={}
    )

    assert preflight.headers["access-control-allow-origin"] == "https://chat.example"
    assert code(reply) == "not-ready"
    assert reply.headers["access-control-allow-origin"] == "https://chat.example"
    assert "access-control-allow-credentials" not in reply.headers


def test_the_setting_helps_no_other_origin() -> None:
    client = make_client(cors_origins=("https://chat.example",))

    reply = client.post("/v1/features", headers=FOREIGN["another site"], json={})

    assert reply.status_code == 403
    assert "access-control-allow-origin" not in reply.headers
