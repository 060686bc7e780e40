"""Promotions are stored, and hold as long as the catalog has the version that they replaced."""

from pathlib import Path

import pytest

from models.errors import SourceFailed
from models.manifest import Manifest
from models.store.promotions import resolve_promoted, write_promotion
from models.store.store import Store
from tests.models.tiny_graphs import fill_store, make_manifest, write_classifier_graph, write_graph


def version(tmp_path: Path, number: int) -> Manifest:
    write = write_classifier_graph if number % 2 else write_graph
    return make_manifest(write(tmp_path / f"{number}.onnx"), version=number)


@pytest.fixture
def versions(tmp_path: Path) -> list[Manifest]:
    return [version(tmp_path, number) for number in (1, 2, 3)]


@pytest.fixture
def store(tmp_path: Path, versions: list[Manifest]) -> Store:
    """The catalog's version in the store, further ones beside it."""
    fill_store(tmp_path / "store", versions[0])
    store = Store(tmp_path / "store", versions=tmp_path / "versions")
    for further in versions[1:]:
        store.pull_version(further)
    return store


def test_without_a_promotion_the_catalogs_version_answers(store: Store, versions: list[Manifest]) -> None:
    assert resolve_promoted(store, versions[0]) is versions[0]


def test_the_last_promoted_version_answers_until_the_catalogs_is_promoted(
    store: Store, versions: list[Manifest]
) -> None:
    first, second, third = versions
    write_promotion(store, first, second)
    write_promotion(store, second, third)
    last = resolve_promoted(store, first)
    write_promotion(store, third, first)

    assert last == third
    assert resolve_promoted(store, first) == first
    assert not (store.versions / "tiny" / "promoted.json").exists()


def test_another_version_in_the_catalog_ends_a_promotion(store: Store, versions: list[Manifest]) -> None:
    first, second, third = versions
    write_promotion(store, first, second)

    assert resolve_promoted(store, third) is third


@pytest.mark.parametrize("damaged", ["promoted.json", "2/model.onnx", "2/manifest.json"])
def test_a_damaged_promotion_falls_back_to_the_catalogs_version(
    store: Store, versions: list[Manifest], damaged: str
) -> None:
    write_promotion(store, versions[0], versions[1])
    path = store.versions / "tiny" / damaged
    path.unlink()
    if path.suffix == ".json":
        path.write_text("{}")

    assert resolve_promoted(store, versions[0]) is versions[0]


def test_a_promotion_that_cannot_be_written_changes_nothing(store: Store, versions: list[Manifest]) -> None:
    (store.versions / "tiny" / "promoted.json").mkdir()

    with pytest.raises(SourceFailed, match="cannot be written"):
        write_promotion(store, versions[0], versions[1])
    assert resolve_promoted(store, versions[0]) is versions[0]
