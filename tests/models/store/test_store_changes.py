"""The store with changed manifests, broken records, and two processes that pull at once."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

from models.errors import ModelCorrupt, SourceFailed
from models.manifest import Manifest
from models.store.store import Store
from tests.models.file_server import FileServer
from tests.models.target_folder import CONTENT, OTHER, manifest_from_server
from tests.models.tiny_graphs import CLASSIFIER, file_facts, ignore_progress


@pytest.fixture
def manifest(server: FileServer, tmp_path: Path) -> Manifest:
    return manifest_from_server(server, tmp_path)


def test_a_changed_manifest_outdates_the_files_until_the_next_pull(store: Store, manifest: Manifest) -> None:
    store.pull(manifest, progress=ignore_progress)
    changed = manifest.model_copy(update={"description": "changed"})
    states = [store.state(changed)]
    record = store.pull(changed, progress=ignore_progress)
    states.append(store.state(changed))

    assert states == ["outdated", "ready"]
    assert record.manifest == changed


def test_a_new_classifier_table_keeps_the_files(store: Store, manifest: Manifest) -> None:
    store.pull(manifest, progress=ignore_progress)
    with_classifier = Manifest.model_validate(manifest.model_dump() | {"classifier": CLASSIFIER})

    assert store.state(with_classifier) == "ready"
    assert store.graph(with_classifier) == store.graph(manifest)


def test_a_published_graph_may_run_at_other_sizes(store: Store, manifest: Manifest) -> None:
    store.pull(manifest, progress=ignore_progress)
    wider = manifest.model_copy(update={"input": manifest.input.model_copy(update={"sizes": ((32, 32), (32, 64))})})

    assert store.state(wider) == "ready"


@pytest.mark.parametrize("force", [True, False], ids=["forced", "outdated"])
def test_a_failed_pull_leaves_the_old_files_alone(
    server: FileServer, store: Store, manifest: Manifest, force: bool
) -> None:
    record = store.pull(manifest, progress=ignore_progress)
    server.statuses["/model.onnx"] = 503
    wanted = manifest if force else manifest.model_copy(update={"description": "changed"})
    with pytest.raises(SourceFailed):
        store.pull(wanted, force=force, progress=ignore_progress)

    assert store.record(manifest) == record
    assert store.verify(manifest) == []


def test_a_changed_hash_brings_the_new_file(server: FileServer, store: Store, manifest: Manifest) -> None:
    store.pull(manifest, progress=ignore_progress)
    server.files["/model.onnx"] = OTHER
    source = manifest.file.sources[0].model_dump()
    changed = Manifest.model_validate(manifest.model_dump() | {"file": file_facts(OTHER, source)})
    store.pull(changed, progress=ignore_progress)

    assert store.graph(changed).read_bytes() == OTHER


def test_a_new_version_lives_beside_the_old_one(store: Store, manifest: Manifest) -> None:
    newer = manifest.model_copy(update={"version": 2})
    for one in (manifest, newer):
        store.pull(one, progress=ignore_progress)

    assert [store.graph(one).parent.name for one in (manifest, newer)] == ["1", "2"]


Reader = Callable[[Store, Manifest], Any]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"manifest": {"id": "tiny"}}'], ids=repr)
@pytest.mark.parametrize("read", [Store.record, Store.state, Store.graph, Store.verify, Store.weights])
def test_an_unreadable_record_is_corrupt_and_names_the_command(
    store: Store, manifest: Manifest, content: bytes, read: Reader
) -> None:
    store.pull(manifest, progress=ignore_progress)
    (store.folder(manifest) / "manifest.json").write_bytes(content)

    with pytest.raises(ModelCorrupt, match="kernelsight models pull --force tiny"):
        read(store, manifest)


def test_a_forced_pull_mends_a_record_that_cannot_be_read(store: Store, manifest: Manifest) -> None:
    store.pull(manifest, progress=ignore_progress)
    (store.folder(manifest) / "manifest.json").write_bytes(b"{")
    store.pull(manifest, force=True, progress=ignore_progress)

    assert store.state(manifest) == "ready"
    assert store.verify(manifest) == []


def pull_in_process(barrier: Barrier, root: Path, manifest: str) -> None:
    """The target of each of the two processes."""
    barrier.wait(timeout=60)
    Store(root).pull(Manifest.model_validate_json(manifest), progress=ignore_progress)


def test_two_concurrent_pulls_succeed_with_one_download(server: FileServer, store: Store, manifest: Manifest) -> None:
    spawn = multiprocessing.get_context("spawn")
    arguments = (spawn.Barrier(2), store.root, manifest.model_dump_json())
    processes = [spawn.Process(target=pull_in_process, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
    codes = [process.exitcode for process in processes]

    assert codes == [0, 0]
    assert store.graph(manifest).read_bytes() == CONTENT
    assert len(server.asked) == 1
