"""Guarantees of the store about its files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from models.errors import ModelCorrupt, ModelMissing, SourceFailed
from models.manifest import Manifest
from models.store.store import Store
from tests.models.file_server import FileServer
from tests.models.target_folder import CONTENT, OTHER, manifest_from_server, write_file_source
from tests.models.tiny_graphs import file_facts, ignore_progress, make_manifest
from tests.models.tiny_wheel import build_wheel, wheel_source

FOLDER = Path("tiny") / "1"


@pytest.fixture
def ready(tmp_path: Path) -> Manifest:
    """A model whose file is served as published."""
    path = tmp_path / "upstream.onnx"
    write_file_source(path, CONTENT)
    return make_manifest(path)


@pytest.fixture
def torch(ready: Manifest, tmp_path: Path) -> Manifest:
    """A model whose file holds weights that are exported."""
    facts = file_facts(CONTENT, {"kind": "file", "path": tmp_path / "upstream.onnx"}, format="torch")
    return Manifest.model_validate(ready.model_dump() | {"file": facts, "net": "tiny_net"})


def store_export(store: Store, manifest: Manifest, tmp_path: Path) -> None:
    graph = tmp_path / "exported.onnx"
    graph.write_bytes(b"graph")
    store.add_export(manifest, graph, '{"worst": 0}', {"torch": "2.9"})


def test_a_pull_stores_the_file_and_a_record_of_its_source(store: Store, ready: Manifest) -> None:
    record = store.pull(ready, progress=ignore_progress)
    [(name, file)] = record.files.items()

    assert name == "model.onnx"
    assert file.sha256 == ready.file.sha256
    assert file.bytes == len(CONTENT)
    assert file.source == f"file {ready.file.sources[0].path}"  # type: ignore[union-attr]
    assert store.graph(ready).read_bytes() == CONTENT


def test_the_record_is_read_back_as_it_was_written(store: Store, ready: Manifest) -> None:
    record = store.pull(ready, progress=ignore_progress)

    assert Store(store.root).record(ready) == record


def test_a_second_pull_downloads_nothing(server: FileServer, store: Store, tmp_path: Path) -> None:
    manifest = manifest_from_server(server, tmp_path)
    records = [store.pull(manifest, progress=ignore_progress) for _ in range(2)]

    assert records[0] == records[1]
    assert len(server.asked) == 1


def test_a_forced_pull_fetches_again(server: FileServer, store: Store, tmp_path: Path) -> None:
    manifest = manifest_from_server(server, tmp_path)
    store.pull(manifest, progress=ignore_progress)
    store.graph(manifest).write_bytes(OTHER)
    store.pull(manifest, force=True, progress=ignore_progress)

    assert store.verify(manifest) == []
    assert len(server.asked) == 2


def test_an_interrupted_pull_is_completed_by_the_next_one(server: FileServer, store: Store, tmp_path: Path) -> None:
    manifest = manifest_from_server(server, tmp_path)
    server.cuts = [1000]
    with pytest.raises(SourceFailed):
        store.pull(manifest, progress=ignore_progress)
    states = [store.state(manifest)]
    store.pull(manifest, progress=ignore_progress)
    states.append(store.state(manifest))

    assert states == ["missing", "ready"]


def test_a_mirror_given_to_the_store_is_asked_first(server: FileServer, tmp_path: Path) -> None:
    manifest = manifest_from_server(server, tmp_path)
    write_file_source(tmp_path / "mirror" / "model.onnx", CONTENT)
    Store(tmp_path / "store", mirror=str(tmp_path / "mirror")).pull(manifest, progress=ignore_progress)

    assert server.asked == []


def test_a_wheel_is_kept_until_downloads_are_dropped(store: Store, index: Path, tmp_path: Path) -> None:
    write_file_source(tmp_path / "upstream.onnx", CONTENT)
    facts = file_facts(CONTENT, wheel_source(build_wheel(index, CONTENT)))
    manifest = make_manifest(tmp_path / "upstream.onnx", file=facts)
    store.pull(manifest, progress=ignore_progress)
    kept = list(store.root.rglob("*.whl"))
    store.drop_downloads()

    assert len(kept) == 1
    assert list(store.root.rglob("*.whl")) == []
    assert store.verify(manifest) == []


def test_a_store_that_cannot_be_written_says_so(tmp_path: Path, ready: Manifest) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(SourceFailed, match="cannot be written"):
        Store(tmp_path / "file").pull(ready, progress=ignore_progress)


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(("harm", "what"), [(damage, "has sha256"), (Path.unlink, "is gone")], ids=["bit", "file"])
@pytest.mark.parametrize("name", ["weights.pth", "model.onnx", "parity.json"])
def test_verify_finds_a_flipped_bit_and_a_missing_file(
    store: Store, torch: Manifest, tmp_path: Path, name: str, harm: Callable[[Path], None], what: str
) -> None:
    store.pull(torch, progress=ignore_progress)
    store_export(store, torch, tmp_path)
    before = store.verify(torch)
    harm(store.root / FOLDER / name)
    [problem] = store.verify(torch)

    assert before == []
    assert name in problem
    assert what in problem


def test_verify_names_a_model_that_is_not_here(store: Store, ready: Manifest) -> None:
    assert store.verify(ready) == ["tiny is not in the store"]


def test_a_model_goes_from_missing_over_weights_to_ready(store: Store, torch: Manifest, tmp_path: Path) -> None:
    states = [store.state(torch)]
    store.pull(torch, progress=ignore_progress)
    states.append(store.state(torch))
    store_export(store, torch, tmp_path)
    states.append(store.state(torch))

    assert states == ["missing", "to export", "ready"]
    assert store.graph(torch).read_bytes() == b"graph"


def test_an_export_is_recorded_with_what_made_it(store: Store, torch: Manifest, tmp_path: Path) -> None:
    store.pull(torch, progress=ignore_progress)
    store_export(store, torch, tmp_path)
    record = store.record(torch)

    assert record is not None
    assert sorted(record.files) == ["model.onnx", "parity.json", "weights.pth"]
    assert record.files["model.onnx"].source == "export"
    assert record.exported_with == {"torch": "2.9"}


def pull_nothing(store: Store, manifest: Manifest) -> Manifest:
    return manifest


def pull(store: Store, manifest: Manifest) -> Manifest:
    store.pull(manifest, progress=ignore_progress)
    return manifest


def pull_without_net(store: Store, manifest: Manifest) -> Manifest:
    return pull(store, manifest.model_copy(update={"net": None}))


def pull_then_change(store: Store, manifest: Manifest) -> Manifest:
    return pull(store, manifest).model_copy(update={"description": "changed"})


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (pull_nothing, "its files are not in the store; get it with: kernelsight models pull tiny"),
        (pull, "its ONNX graph is not; get it with: kernelsight models export tiny"),
        (pull_without_net, "no pipeline of this version uses them"),
        (pull_then_change, "another version of its manifest; get it with: kernelsight models pull tiny"),
    ],
)
def test_a_model_that_cannot_be_served_says_which_command_helps(
    store: Store, torch: Manifest, prepare: Callable[[Store, Manifest], Manifest], message: str
) -> None:
    manifest = prepare(store, torch)

    with pytest.raises(ModelMissing, match=message):
        store.graph(manifest)


def test_a_deleted_graph_is_corrupt_and_names_the_command(store: Store, ready: Manifest) -> None:
    store.pull(ready, progress=ignore_progress)
    (store.root / FOLDER / "model.onnx").unlink()

    with pytest.raises(ModelCorrupt, match="kernelsight models pull --force tiny"):
        store.graph(ready)


@pytest.mark.parametrize("harm", [damage, Path.unlink], ids=["bit", "file"])
def test_an_export_never_starts_from_damaged_weights(
    store: Store, torch: Manifest, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    store.pull(torch, progress=ignore_progress)
    harm(store.weights(torch))

    with pytest.raises(ModelCorrupt, match="kernelsight models pull --force tiny"):
        store_export(store, torch, tmp_path)


@pytest.mark.parametrize("change", [None, {"description": "changed"}], ids=["missing", "outdated"])
def test_an_export_never_starts_without_this_manifests_weights(
    store: Store, torch: Manifest, change: dict[str, str] | None
) -> None:
    if change is not None:
        store.pull(torch.model_copy(update=change), progress=ignore_progress)

    with pytest.raises(ModelMissing, match="kernelsight models pull tiny"):
        store.weights(torch)
