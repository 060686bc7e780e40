"""The access table: every route of the app, and the scope that it needs, by asking each route."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from service.http.app import create_app
from service.http.dependencies import RequireScope
from service.keys.key_file import KeyFile
from service.keys.scopes import SCOPES, Scope
from service.settings import ServerSettings, Settings

# Everything else needs a key: a new route fails here until it names its scope, or until it is listed.
PUBLIC = {"/", "/healthz", "/readyz", "/ops", "/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json",
          "/static-offline-docs"}  # fmt: skip

TABLE: dict[str, Scope] = {
    "POST /v1/features": "analyze",
    "POST /v1/faces": "analyze",
    "POST /v1/objects": "analyze",
    "POST /v1/avatars": "analyze",
    "POST /v1/explain": "analyze",
    "POST /v1/sanitize": "analyze",
    "POST /v1/analyze": "analyze",
    "POST /v1/embeddings": "analyze",
    "POST /v1/moderations": "analyze",
    "POST /v1/documents": "documents",
    "POST /v1/jobs": "jobs",
    "GET /v1/jobs/{id}": "jobs",
    "GET /v1/jobs/{id}/result": "jobs",
    "GET /v1/jobs/{id}/events": "jobs",
    "DELETE /v1/jobs/{id}": "jobs",
    "POST /v1/files": "batches",
    "GET /v1/files": "batches",
    "GET /v1/files/{id}": "batches",
    "DELETE /v1/files/{id}": "batches",
    "GET /v1/files/{id}/content": "batches",
    "POST /v1/batches": "batches",
    "GET /v1/batches": "batches",
    "GET /v1/batches/{id}": "batches",
    "POST /v1/batches/{id}/cancel": "batches",
    "POST /v1/feedback": "feedback",
    "GET /v1/feedback/disputed": "feedback",
    "GET /v1/feedback/summary": "read-metrics",
    "GET /v1/canaries": "read-metrics",
    "GET /v1/quality": "read-metrics",
    "GET /v1/models": "read-metrics",
    "GET /v1/models/{model}": "read-metrics",
    "GET /v1/models/{model}/kernels": "read-metrics",
    "GET /metrics": "read-metrics",
    "POST /v1/quality/reference": "operate",
    "POST /v1/models/{model}/promote": "operate",
    "GET /v1/dead-letters": "operate",
    "GET /v1/dead-letters/{id}": "operate",
    "POST /v1/dead-letters/{id}/requeue": "operate",
    "DELETE /v1/dead-letters/{id}": "operate",
    "GET /v1/categories": "operate",
    "GET /v1/categories/{name}": "operate",
    "PUT /v1/categories/{name}": "operate",
    "DELETE /v1/categories/{name}": "operate",
    "POST /v1/categories/{name}/score": "operate",
}


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A key for each scope, which has all others, and one with that scope alone."""
    file = KeyFile(tmp_path_factory.mktemp("keys") / "keys.json")
    made = {"file": str(file.path)}
    for scope in SCOPES:
        made[f"all but {scope}"] = file.create(f"all-but-{scope}", scopes=[one for one in SCOPES if one != scope])
        made[scope] = file.create(scope, scopes=[scope])
    return made


@pytest.fixture(scope="module")
def client(tokens: dict[str, str]) -> TestClient:
    """The app before its models are loaded: what passes the key check is told to wait."""
    app = create_app(Settings(server=ServerSettings(keys=Path(tokens["file"]))))
    return TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False)


def declared_scopes(app: FastAPI) -> dict[str, Scope | None]:
    """By method and path; None for a route that needs no key."""
    found: dict[str, Scope | None] = {}
    for route in iter_route_contexts(app.routes):
        dependant = getattr(route, "dependant", None)  # mounts and the pages of documentation have none
        calls = [one.call for one in dependant.dependencies] if dependant else []
        scope = next((call.scope for call in calls if isinstance(call, RequireScope)), None)
        methods = getattr(route, "methods", None) or {"GET"}
        found |= {f"{method} {route.path}": scope for method in methods - {"HEAD"}}
    return found


def test_every_route_of_the_app_is_in_the_table(client: TestClient) -> None:
    assert isinstance(client.app, FastAPI)
    found = declared_scopes(client.app)

    assert {name: scope for name, scope in found.items() if name.partition(" ")[2] not in PUBLIC} == TABLE


def ask(client: TestClient, route: str, token: str | None) -> tuple[int, str]:
    method, _, path = route.partition(" ")
    path = path.replace("{", "").replace("}", "")
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    reply = client.request(method, path, headers=headers, content=b"no JSON")
    if reply.headers["content-type"].startswith("text/plain"):
        return reply.status_code, ""
    body = reply.json()
    return reply.status_code, body["error"]["code"] if "error" in body else body["type"].rpartition(":")[2]


@pytest.mark.parametrize("route", TABLE)
def test_with_a_port_of_their_own_operators_routes_are_nowhere_else(
    tokens: dict[str, str], client: TestClient, route: str
) -> None:
    assert isinstance(client.app, FastAPI)
    client.app.state.operate_port = 9001  # the client comes in by 8000
    try:
        status, code = ask(client, route, tokens[TABLE[route]])
    finally:
        client.app.state.operate_port = None

    is_hidden = TABLE[route] in ("operate", "read-metrics")
    assert (status, code) == ((404, "not-found") if is_hidden else (503, "not-ready"))


@pytest.mark.parametrize("route", TABLE)
def test_a_route_needs_a_key_with_its_scope(client: TestClient, tokens: dict[str, str], route: str) -> None:
    assert ask(client, route, None) == (401, "unauthorised")
    assert ask(client, route, "ks_wrong") == (401, "unauthorised")
    assert ask(client, route, tokens[f"all but {TABLE[route]}"]) == (403, "forbidden")
    assert ask(client, route, tokens[TABLE[route]]) in {(503, "not-ready"), (200, "")}  # /metrics answers at once
