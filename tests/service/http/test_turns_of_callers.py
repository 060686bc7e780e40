"""Whose turns a request's pages take: its tenant's, or its address's where no keys are in use."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient

from pipelines.cpu_pool import CpuPool
from pipelines.errors import RequestRejected
from service.http.app import create_app
from service.keys.key_file import KeyFile
from service.settings import ServerSettings, Settings

NDJSON = {"accept": "application/x-ndjson"}


class NamingEngine:
    """Refuses every request, and keeps the names of the callers."""

    pipelines = ("document",)

    def __init__(self) -> None:
        self.callers: list[str] = []

    async def run(self, *arguments: Any, caller: str = "", **options: Any) -> None:
        self.callers.append(caller)
        raise RequestRejected("seen")


@contextmanager
def asking(server: ServerSettings, address: str) -> Iterator[tuple[TestClient, NamingEngine]]:
    app, engine, pool = create_app(Settings(server=server)), NamingEngine(), CpuPool(threads=1)
    app.state.components = SimpleNamespace(engine=engine, pool=pool, fetcher=None, settings=app.state.settings)
    try:
        yield TestClient(app, base_url="http://127.0.0.1:8000", client=(address, 1234)), engine
    finally:
        pool.close()


@pytest.mark.parametrize("headers", [{}, NDJSON])
@pytest.mark.parametrize(
    ("address", "caller"),
    [("192.0.2.7", "192.0.2.7"), ("2001:db8::1:2", "2001:db8::/64"), ("::ffff:192.0.2.7", "192.0.2.7")],
)
def test_without_keys_an_address_has_turns(headers: dict[str, str], address: str, caller: str, tmp_path: Path) -> None:
    with asking(ServerSettings(keys=tmp_path / "none.json"), address) as (client, engine):
        client.post("/v1/documents", files={"file": b"%PDF-"}, headers=headers)

    assert engine.callers == [caller]


def test_keys_of_a_tenant_have_turns_together(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    tokens = [
        file.create("acme", scopes=["documents"]),
        file.create("acme-2", tenant="acme", scopes=["documents"]),
        file.create("other", scopes=["documents"]),
    ]
    with asking(ServerSettings(keys=file.path), "192.0.2.7") as (client, engine):
        for token in tokens:
            client.post("/v1/documents", files={"file": b"%PDF-"}, headers={"Authorization": f"Bearer {token}"})

    assert engine.callers == ["tenant acme", "tenant acme", "tenant other"]
