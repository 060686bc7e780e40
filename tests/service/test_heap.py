import asyncio
import gc
from pathlib import Path

import pytest
from fastapi import FastAPI

from service.heap import frozen_heap
from service.http.app import create_app
from service.settings import load_settings


class Node:
    itself: "Node"


def is_tracked(node: Node) -> bool:
    return any(one is node for one in gc.get_objects())


def test_what_is_alive_at_the_start_is_spared() -> None:
    node = Node()
    assert is_tracked(node)
    with frozen_heap():
        assert not is_tracked(node)
    assert is_tracked(node)


def test_garbage_of_before_is_collected_first() -> None:
    with frozen_heap():
        assert not any(isinstance(one, Node) for one in gc.get_objects())
    node = Node()
    node.itself = node
    del node
    with frozen_heap():
        pass
    assert not any(isinstance(one, Node) for one in gc.get_objects())


def test_garbage_of_later_is_still_collected() -> None:
    with frozen_heap():
        node = Node()
        node.itself = node
        del node
        assert gc.collect() >= 1


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    """Of one pipeline, with folders of its own."""
    for name in ("queue_data", "files", "canary_answers", "versions", "references", "audit", "categories"):
        monkeypatch.setenv(f"KERNELSIGHT_{name.upper()}", str(tmp_path / name))
    monkeypatch.setenv("KERNELSIGHT_PIPELINES", "features")
    monkeypatch.setenv("KERNELSIGHT_CANARY_SECONDS", "0")
    return create_app(load_settings())


def test_a_service_spares_what_it_has_opened(app: FastAPI) -> None:
    async def count_spared() -> int:
        async with app.router.lifespan_context(app):
            for _ in range(1_200):
                if gc.get_freeze_count() or app.state.failure:
                    break
                await asyncio.sleep(0.05)
            return gc.get_freeze_count()

    assert asyncio.run(count_spared()) > 100_000
    assert gc.get_freeze_count() == 0
