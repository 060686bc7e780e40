"""The OpenAPI document: it can be read alone, and says what routes answer."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.http.app import create_app
from service.settings import Settings


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(create_app(Settings()), base_url="http://localhost", raise_server_exceptions=False)


@pytest.fixture(scope="module")
def document(client: TestClient) -> Any:
    return client.get("/openapi.json").json()


def find_references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from find_references(one)
    elif isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from find_references(one)


def resolves(reference: str, document: Any) -> bool:
    found = document
    for name in reference.removeprefix("#/").split("/"):
        if name not in found:
            return False
        found = found[name]
    return True


def test_every_reference_leads_to_a_schema(document: Any) -> None:
    references = set(find_references(document))

    assert len(references) > 50
    assert {one for one in references if not resolves(one, document)} == set()


def test_the_document_is_the_same_each_time(client: TestClient, document: Any) -> None:
    assert client.get("/openapi.json").json() == document


def test_fields_that_replies_leave_out_are_not_required(document: Any) -> None:
    features = document["components"]["schemas"]["FeaturesReply"]

    assert "grid" in features["properties"]
    assert "grid" not in features["required"]
    assert "result_id" in features["required"]


@pytest.mark.parametrize(
    ("path", "methods"), [("/v1/files", "GET, POST"), ("/v1/categories/a", "DELETE, GET, PUT"), ("/healthz", "GET")]
)
def test_a_refused_method_names_all_that_the_path_has(client: TestClient, path: str, methods: str) -> None:
    reply = client.request("OPTIONS", path)

    assert reply.status_code == 405
    assert reply.headers["allow"] == methods
