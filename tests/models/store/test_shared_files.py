"""Models that are made from the same file share its download, and a model may have more than one file."""

from pathlib import Path

import pytest

from models.errors import SourceFailed
from models.manifest import MANIFESTS, Manifest
from models.registry import Catalog
from models.store.store import Store
from tests.models.file_server import FileServer
from tests.models.target_folder import CONTENT, manifest_from_server, url_source, write_file_source
from tests.models.tiny_graphs import file_facts, ignore_progress

WORDS = b"some words"


@pytest.fixture
def twins(server: FileServer, tmp_path: Path) -> tuple[Manifest, Manifest]:
    first = manifest_from_server(server, tmp_path)
    return first, first.model_copy(update={"id": "other"})


def with_vocabulary(server: FileServer, tmp_path: Path) -> Manifest:
    words = file_facts(WORDS, write_file_source(tmp_path / "words.gz", WORDS), format="clip-bpe")
    file = file_facts(CONTENT, url_source(f"{server.url}/model.onnx"))
    text = Catalog.load().get("clip-rn50-text").model_dump()
    return MANIFESTS.validate_python(text | {"file": file, "vocabulary": words})


def test_models_of_one_file_share_its_download(
    server: FileServer, store: Store, twins: tuple[Manifest, Manifest]
) -> None:
    for manifest in twins:
        store.pull(manifest, progress=ignore_progress)

    assert len(server.asked) == 1
    assert [store.graph(one).read_bytes() for one in twins] == [CONTENT] * 2


def test_a_forced_pull_asks_the_source(server: FileServer, store: Store, twins: tuple[Manifest, Manifest]) -> None:
    for _ in range(2):
        store.pull(twins[0], force=True, progress=ignore_progress)

    assert len(server.asked) == 2


def test_a_damaged_file_is_not_shared(server: FileServer, store: Store, twins: tuple[Manifest, Manifest]) -> None:
    store.pull(twins[0], progress=ignore_progress)
    store.graph(twins[0]).write_bytes(b"damaged")

    store.pull(twins[1], progress=ignore_progress)

    assert store.graph(twins[1]).read_bytes() == CONTENT


def test_the_vocabulary_is_fetched_and_recorded(server: FileServer, store: Store, tmp_path: Path) -> None:
    manifest = with_vocabulary(server, tmp_path)

    record = store.pull(manifest, progress=ignore_progress)

    assert (store.folder(manifest) / "vocabulary.txt.gz").read_bytes() == WORDS
    assert record.files.keys() == {"model.onnx", "vocabulary.txt.gz"}
    assert Store(store.root).record(manifest) == record


def test_a_model_without_its_vocabulary_is_not_ready(server: FileServer, store: Store, tmp_path: Path) -> None:
    manifest = with_vocabulary(server, tmp_path)
    (tmp_path / "words.gz").unlink()

    with pytest.raises(SourceFailed, match=r"words\.gz"):
        store.pull(manifest, progress=ignore_progress)

    assert store.state(manifest) == "missing"


def test_another_vocabulary_makes_the_files_outdated(server: FileServer, store: Store, tmp_path: Path) -> None:
    manifest = with_vocabulary(server, tmp_path)
    store.pull(manifest, progress=ignore_progress)
    changed = manifest.model_dump()
    changed["vocabulary"]["sha256"] = "0" * 64

    assert store.state(MANIFESTS.validate_python(changed)) == "outdated"
