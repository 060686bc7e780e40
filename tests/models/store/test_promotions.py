"""Promotions are kept in the store, for as long as the catalog has what they were made over."""

from pathlib import Path

import pytest

from models.errors import SourceFailed
from models.manifest import Manifest
from models.store.promotions import keep_promotion, promoted
from models.store.store import Store
from tests.models.tiny_graphs import manifest_of, store_with, write_classifier_graph, write_graph


def version(tmp_path: Path, number: int) -> Manifest:
    write = write_classifier_graph if number % 2 else write_graph
    return manifest_of(write(tmp_path / f"{number}.onnx"), version=number)


@pytest.fixture
def versions(tmp_path: Path) -> list[Manifest]:
    return [version(tmp_path, number) for number in (1, 2, 3)]


@pytest.fixture
def store(tmp_path: Path, versions: list[Manifest]) -> Store:
    """The catalog's version in the store, further ones beside it."""
    store_with(tmp_path / "store", versions[0])
    store = Store(tmp_path / "store", versions=tmp_path / "versions")
    for further in versions[1:]:
        store.take_in(further)
    return store


def test_without_a_promotion_the_catalog_counts(store: Store, versions: list[Manifest]) -> None:
    assert promoted(store, versions[0]) is versions[0]


def test_the_last_promoted_version_counts_and_going_back_to_the_catalogs_leaves_no_promotion(
    store: Store, versions: list[Manifest]
) -> None:
    first, second, third = versions
    keep_promotion(store, first, second)
    keep_promotion(store, second, third)
    last = promoted(store, first)
    keep_promotion(store, third, first)

    assert (last, promoted(store, first)) == (third, first)
    assert not (store.versions / "tiny" / "promoted.json").exists()


def test_another_version_in_the_catalog_ends_a_promotion(store: Store, versions: list[Manifest]) -> None:
    first, second, third = versions
    keep_promotion(store, first, second)

    assert promoted(store, third) is third


@pytest.mark.parametrize("damaged", ["promoted.json", "2/model.onnx", "2/manifest.json"])
def test_where_a_promotion_cannot_be_had_the_catalog_counts(
    store: Store, versions: list[Manifest], damaged: str
) -> None:
    keep_promotion(store, versions[0], versions[1])
    path = store.versions / "tiny" / damaged
    path.unlink()
    if path.suffix == ".json":
        path.write_text("{}")

    assert promoted(store, versions[0]) is versions[0]


def test_a_promotion_that_cannot_be_kept_changes_nothing(store: Store, versions: list[Manifest]) -> None:
    (store.versions / "tiny" / "promoted.new").mkdir()

    with pytest.raises(SourceFailed, match="cannot be written"):
        keep_promotion(store, versions[0], versions[1])
    assert promoted(store, versions[0]) is versions[0]
