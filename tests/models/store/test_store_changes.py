"""The store when manifests change, when records break, and when two processes pull at once."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

from models.errors import ModelCorrupt, SourceFailed
from models.manifest import Manifest
from models.store.store import Store
from tests.models.desk import CONTENT, OTHER, pulled_from
from tests.models.file_server import FileServer
from tests.models.tiny_graphs import CLASSIFIER, file_facts, quiet


@pytest.fixture
def manifest(server: FileServer, tmp_path: Path) -> Manifest:
    return pulled_from(server, tmp_path)


def test_a_changed_manifest_makes_the_files_outdated_until_they_are_pulled_again(
    store: Store, manifest: Manifest
) -> None:
    store.pull(manifest, progress=quiet)
    changed = manifest.model_copy(update={"description": "changed"})
    states = [store.state(changed)]
    record = store.pull(changed, progress=quiet)
    states.append(store.state(changed))

    assert (states, record.manifest) == (["outdated", "ready"], changed)


def test_a_manifest_that_only_learns_how_to_read_its_classifier_keeps_its_files(
    store: Store, manifest: Manifest
) -> None:
    store.pull(manifest, progress=quiet)
    learned = Manifest.model_validate(manifest.model_dump() | {"classifier": CLASSIFIER})

    assert (store.state(learned), store.graph(learned)) == ("ready", store.graph(manifest))


def test_a_graph_that_came_as_it_is_may_run_at_other_sizes(store: Store, manifest: Manifest) -> None:
    store.pull(manifest, progress=quiet)
    wider = manifest.model_copy(update={"input": manifest.input.model_copy(update={"sizes": ((32, 32), (32, 64))})})

    assert store.state(wider) == "ready"


@pytest.mark.parametrize("force", [True, False], ids=["forced", "outdated"])
def test_a_pull_that_fails_leaves_what_was_there_as_it_was(
    server: FileServer, store: Store, manifest: Manifest, force: bool
) -> None:
    record = store.pull(manifest, progress=quiet)
    server.statuses["/model.onnx"] = 503
    wanted = manifest if force else manifest.model_copy(update={"description": "changed"})
    with pytest.raises(SourceFailed):
        store.pull(wanted, force=force, progress=quiet)

    assert (store.record(manifest), store.verify(manifest)) == (record, [])


def test_a_changed_hash_brings_the_new_file(server: FileServer, store: Store, manifest: Manifest) -> None:
    store.pull(manifest, progress=quiet)
    server.files["/model.onnx"] = OTHER
    source = manifest.file.sources[0].model_dump()
    changed = Manifest.model_validate(manifest.model_dump() | {"file": file_facts(OTHER, source)})
    store.pull(changed, progress=quiet)

    assert store.graph(changed).read_bytes() == OTHER


def test_a_new_version_lives_beside_the_old_one(store: Store, manifest: Manifest) -> None:
    newer = manifest.model_copy(update={"version": 2})
    for one in (manifest, newer):
        store.pull(one, progress=quiet)

    assert [store.graph(one).parent.name for one in (manifest, newer)] == ["1", "2"]


Reader = Callable[[Store, Manifest], Any]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"manifest": {"id": "tiny"}}'], ids=repr)
@pytest.mark.parametrize("read", [Store.record, Store.state, Store.graph, Store.verify, Store.weights])
def test_a_record_that_cannot_be_read_is_corrupt_and_says_which_command_helps(
    store: Store, manifest: Manifest, content: bytes, read: Reader
) -> None:
    store.pull(manifest, progress=quiet)
    (store.folder(manifest) / "manifest.json").write_bytes(content)

    with pytest.raises(ModelCorrupt, match="kernelsight models pull --force tiny"):
        read(store, manifest)


def test_a_forced_pull_mends_a_record_that_cannot_be_read(store: Store, manifest: Manifest) -> None:
    store.pull(manifest, progress=quiet)
    (store.folder(manifest) / "manifest.json").write_bytes(b"{")
    store.pull(manifest, force=True, progress=quiet)

    assert (store.state(manifest), store.verify(manifest)) == ("ready", [])


def pull_together(barrier: Barrier, root: Path, manifest: str) -> None:
    """What each of the two processes does."""
    barrier.wait(timeout=60)
    Store(root).pull(Manifest.model_validate_json(manifest), progress=quiet)


def test_two_processes_that_pull_at_once_both_succeed_with_one_download(
    server: FileServer, store: Store, manifest: Manifest
) -> None:
    spawn = multiprocessing.get_context("spawn")
    together = (spawn.Barrier(2), store.root, manifest.model_dump_json())
    processes = [spawn.Process(target=pull_together, args=together) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
    codes = [process.exitcode for process in processes]

    assert (codes, store.graph(manifest).read_bytes(), len(server.asked)) == ([0, 0], CONTENT, 1)
