"""Which second version is taken from the setting, and which is refused."""

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
from service.monitoring.shadow.candidate import candidate_of, check_outputs
from service.settings import SettingsInvalid
from tests.models.tiny_graphs import manifest_of, store_with, write_classifier_graph, write_graph, write_slow_graph

Wanted = Callable[[str], Manifest | None]


@pytest.fixture
def tiny(tmp_path: Path) -> Manifest:
    return manifest_of(write_graph(tmp_path / "tiny.onnx"))


@pytest.fixture
def store(tmp_path: Path, tiny: Manifest) -> Store:
    return store_with(tmp_path / "store", tiny)


@pytest.fixture
def wanted(store: Store, tiny: Manifest) -> Wanted:
    """`candidate_of` where `tiny` answers, and `idle` is in the catalog as well."""

    def candidate(wanted: str) -> Manifest | None:
        async def scenario() -> Manifest | None:
            runtime = Runtime(store, device="cpu")
            await runtime.open(tiny)
            try:
                return candidate_of(wanted, Catalog([tiny, tiny.model_copy(update={"id": "idle"})], {}), runtime, store)
            finally:
                await runtime.close()

        return asyncio.run(scenario())

    return candidate


def toml(path: Path, manifest: Manifest) -> str:
    """Written as a person would: only what is not the default."""
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


def test_a_graph_takes_over_the_facts_of_what_answers_under_the_next_number(
    tmp_path: Path, store: Store, tiny: Manifest, wanted: Wanted
) -> None:
    other = wanted(f"tiny={write_classifier_graph(tmp_path / 'other.onnx')}")
    assert other is not None
    store.take_in(other)

    assert (other.id, other.version, other.input, store.graph(other).parent.name) == ("tiny", 2, tiny.input, "2")


def test_the_file_that_answers_already_is_no_second_version(tmp_path: Path, tiny: Manifest, wanted: Wanted) -> None:
    assert wanted(f"tiny={tmp_path / 'tiny.onnx'}") is None
    assert wanted(toml(tmp_path / "same.toml", tiny)) is None


def test_a_manifest_is_taken_as_it_is(tmp_path: Path, tiny: Manifest, wanted: Wanted) -> None:
    other = manifest_of(write_classifier_graph(tmp_path / "other.onnx"), version=7)

    assert wanted(toml(tmp_path / "seven.toml", other)) == other


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"version": 2, "task": "faces"}, "tiny 2 has another task"),
        ({"version": 2, "labels": "others", "outputs": ()}, "another outputs and labels"),
        ({"version": 1, "description": "others"}, "version 1 of tiny answers: give it another number"),
        ({"version": 2, "id": "idle"}, "idle does not answer"),
    ],
    ids=["task", "outputs", "number", "idle"],
)
def test_a_version_that_pipelines_do_not_fit_is_refused(
    tmp_path: Path, tiny: Manifest, wanted: Wanted, changes: dict[str, Any], what: str
) -> None:
    outputs = ({"name": "scores", "shape": (3,), "meaning": "others"},) if "outputs" in changes else tiny.outputs
    other = Manifest.model_validate(tiny.model_dump() | changes | {"outputs": outputs})

    with pytest.raises(SettingsInvalid, match=what):
        wanted(toml(tmp_path / "other.toml", other))


def test_what_is_neither_a_manifest_nor_a_graph_of_a_model_is_refused(wanted: Wanted) -> None:
    with pytest.raises(SettingsInvalid, match="is neither a manifest"):
        wanted("model.onnx")


def test_a_model_that_is_not_in_the_catalog_is_refused(wanted: Wanted) -> None:
    with pytest.raises(ModelUnknown, match="'huge'"):
        wanted("huge=model.onnx")


def test_outputs_of_other_shapes_are_refused(tmp_path: Path, store: Store, tiny: Manifest) -> None:
    other = manifest_of(write_slow_graph(tmp_path / "other.onnx", turns=1), version=2)
    store.take_in(other)

    async def scenario() -> None:
        runtime = Runtime(store, device="cpu")
        one, two = await runtime.load(tiny), await runtime.load(other, aside=True)
        try:
            await check_outputs(one, two)
        finally:
            for loaded in (one, two):
                await loaded.retire(grace_seconds=60)

    with pytest.raises(ModelCorrupt, match=r"\(1, 1, 1\)"):
        asyncio.run(scenario())
