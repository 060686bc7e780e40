"""The candidate comes from the setting, and must fit the live version."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.errors import ModelCorrupt, ModelUnknown
from models.manifest import Manifest
from models.registry import Catalog
from models.runtime.runtime import Runtime
from models.store.store import Store
from service.monitoring.shadow.candidate import check_outputs, find_candidate
from service.settings import SettingsInvalid
from tests.models.tiny_graphs import fill_store, make_manifest, write_classifier_graph, write_graph, write_slow_graph

FindCandidate = Callable[[str], Manifest | None]


@pytest.fixture
def tiny(tmp_path: Path) -> Manifest:
    return make_manifest(write_graph(tmp_path / "tiny.onnx"))


@pytest.fixture
def store(tmp_path: Path, tiny: Manifest) -> Store:
    return fill_store(tmp_path / "store", tiny)


@pytest.fixture
def find(store: Store, tiny: Manifest) -> FindCandidate:
    """`find_candidate` where `tiny` is live, and `idle` is only in the catalog."""

    def candidate(wanted: str) -> Manifest | None:
        async def scenario() -> Manifest | None:
            runtime = Runtime(store, device="cpu")
            await runtime.open(tiny)
            try:
                return find_candidate(
                    wanted, Catalog([tiny, tiny.model_copy(update={"id": "idle"})], {}), runtime, store
                )
            finally:
                await runtime.close()

        return asyncio.run(scenario())

    return candidate


def write_toml(path: Path, manifest: Manifest) -> str:
    """Write only what is not the default, as a person would."""
    path.write_text("\n".join(_lines(manifest.model_dump(mode="json", exclude_none=True, exclude_defaults=True))))
    return str(path)


def _lines(facts: dict[str, Any]) -> list[str]:
    return [f"{name} = {_value(value)}" for name, value in facts.items()]


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(_lines(value)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return repr(value).lower() if isinstance(value, bool) else repr(value)


def test_a_graph_gets_the_live_manifest_and_the_next_version(
    tmp_path: Path, store: Store, tiny: Manifest, find: FindCandidate
) -> None:
    other = find(f"tiny={write_classifier_graph(tmp_path / 'other.onnx')}")
    assert other is not None
    store.pull_version(other)

    assert other.id == "tiny"
    assert other.version == 2
    assert other.input == tiny.input
    assert store.graph(other).parent.name == "2"


def test_the_live_file_is_not_a_candidate(tmp_path: Path, tiny: Manifest, find: FindCandidate) -> None:
    assert find(f"tiny={tmp_path / 'tiny.onnx'}") is None
    assert find(write_toml(tmp_path / "same.toml", tiny)) is None


def test_a_manifest_is_the_candidate_as_it_is(tmp_path: Path, tiny: Manifest, find: FindCandidate) -> None:
    other = make_manifest(write_classifier_graph(tmp_path / "other.onnx"), version=7)

    assert find(write_toml(tmp_path / "seven.toml", other)) == other


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2, "task": "faces"}, "tiny 2 has another task"),
        ({"version": 2, "labels": "others", "outputs": ()}, "another outputs and labels"),
        ({"version": 1, "description": "others"}, "version 1 of tiny answers: give it another number"),
        ({"version": 2, "id": "idle"}, "idle does not answer"),
    ],
    ids=["task", "outputs", "number", "idle"],
)
def test_a_version_that_breaks_the_contract_is_refused(
    tmp_path: Path, tiny: Manifest, find: FindCandidate, changes: dict[str, Any], message: str
) -> None:
    outputs = ({"name": "scores", "shape": (3,), "meaning": "others"},) if "outputs" in changes else tiny.outputs
    other = Manifest.model_validate(tiny.model_dump() | changes | {"outputs": outputs})

    with pytest.raises(SettingsInvalid, match=message):
        find(write_toml(tmp_path / "other.toml", other))


def test_neither_a_manifest_nor_a_graph_is_refused(find: FindCandidate) -> None:
    with pytest.raises(SettingsInvalid, match="is neither a manifest"):
        find("model.onnx")


def test_a_model_that_is_not_in_the_catalog_is_refused(find: FindCandidate) -> None:
    with pytest.raises(ModelUnknown, match="'huge'"):
        find("huge=model.onnx")


def test_outputs_of_other_shapes_are_refused(tmp_path: Path, store: Store, tiny: Manifest) -> None:
    other = make_manifest(write_slow_graph(tmp_path / "other.onnx", turns=1), version=2)
    store.pull_version(other)

    async def scenario() -> None:
        runtime = Runtime(store, device="cpu")
        one, two = await runtime.load(tiny), await runtime.load(other, as_shadow=True)
        try:
            await check_outputs(one, two)
        finally:
            for loaded in (one, two):
                await loaded.batcher.retire(grace_seconds=60)

    with pytest.raises(ModelCorrupt, match=r"\(1, 1, 1\)"):
        asyncio.run(scenario())
