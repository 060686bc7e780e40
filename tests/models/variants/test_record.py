"""Figures of variants hold for the graph, processor and libraries that they were measured with."""

from pathlib import Path

import pytest

from models.manifest import Manifest
from models.store.store import VARIANTS_FILE, Store
from models.variants.record import MeasuredOn, VariantCheck, VariantRecord, read_checks, write_checks
from models.variants.variant import BFLOAT16
from tests.models.tiny_graphs import fill_store, make_manifest, write_graph

CHECK = VariantCheck(backend="openvino", precision="bfloat16", misses=(), figures={"same_top1": 1.0, "box_delta": None})


@pytest.fixture
def tiny(tmp_path: Path) -> Manifest:
    return make_manifest(write_graph(tmp_path / "tiny.onnx"))


@pytest.fixture
def store(tmp_path: Path, tiny: Manifest) -> Store:
    filled = fill_store(tmp_path / "store", tiny)
    return Store(filled.root, versions=tmp_path / "versions")


def write_record(store: Store, manifest: Manifest, **changes: object) -> None:
    here = MeasuredOn.here(store.graph_sha256(manifest)).model_copy(update=changes)
    store.write_derived(manifest, VARIANTS_FILE, VariantRecord(measured_on=here, checks=(CHECK,)).model_dump_json())


def test_figures_are_read_as_they_were_written(store: Store, tiny: Manifest) -> None:
    write_checks(store, tiny, {BFLOAT16: CHECK})

    assert read_checks(store, tiny) == {BFLOAT16: CHECK}


@pytest.mark.parametrize(
    "changes",
    [{"graph_sha256": "0" * 64}, {"processor": "another"}, {"libraries": {"onnxruntime": "1.0"}}, {"gate": 0}],
    ids=["graph", "processor", "library", "gate"],
)
def test_figures_of_something_else_do_not_hold(store: Store, tiny: Manifest, changes: dict[str, object]) -> None:
    write_record(store, tiny, **changes)

    assert read_checks(store, tiny) == {}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"checks": []}'])
def test_a_damaged_record_is_as_none(store: Store, tiny: Manifest, content: str) -> None:
    store.write_derived(tiny, VARIANTS_FILE, content)

    assert read_checks(store, tiny) == {}


def test_figures_of_a_store_that_cannot_be_written_go_to_the_versions(store: Store, tiny: Manifest) -> None:
    (store.folder(tiny) / "variants.json").mkdir()  # the tests' user may write everywhere
    write_checks(store, tiny, {BFLOAT16: CHECK})

    assert read_checks(store, tiny) == {BFLOAT16: CHECK}
    assert (store.versions / "tiny" / "1" / "variants.json").is_file()
