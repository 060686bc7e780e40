"""What the store promises about the files in it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from models.errors import ModelCorrupt, ModelMissing, SourceFailed
from models.manifest import Manifest
from models.store.store import Store
from tests.models.desk import CONTENT, OTHER, pulled_from, stored
from tests.models.file_server import FileServer
from tests.models.tiny_graphs import file_facts, manifest_of, quiet
from tests.models.tiny_wheel import build_wheel, wheel_source

FOLDER = Path("tiny") / "1"


@pytest.fixture
def ready(tmp_path: Path) -> Manifest:
    """Its file is served as it comes."""
    path = tmp_path / "upstream.onnx"
    stored(path, CONTENT)
    return manifest_of(path)


@pytest.fixture
def torch(ready: Manifest, tmp_path: Path) -> Manifest:
    """Its file is weights, and a net takes them."""
    facts = file_facts(CONTENT, {"kind": "file", "path": tmp_path / "upstream.onnx"}, format="torch")
    return Manifest.model_validate(ready.model_dump() | {"file": facts, "net": "tiny_net"})


def exported(store: Store, manifest: Manifest, tmp_path: Path) -> None:
    graph = tmp_path / "exported.onnx"
    graph.write_bytes(b"graph")
    store.add_export(manifest, graph, '{"worst": 0}', {"torch": "2.9"})


def test_a_pull_leaves_the_file_and_a_record_of_where_it_came_from(store: Store, ready: Manifest) -> None:
    record = store.pull(ready, progress=quiet)
    [(name, file)] = record.files.items()

    assert (name, file.sha256, file.bytes, file.source, store.graph(ready).read_bytes()) == (
        "model.onnx", ready.file.sha256, len(CONTENT), f"file {ready.file.sources[0].path}", CONTENT,  # type: ignore[union-attr]
    )  # fmt: skip


def test_the_record_is_read_back_as_it_was_written(store: Store, ready: Manifest) -> None:
    record = store.pull(ready, progress=quiet)

    assert Store(store.root).record(ready) == record


def test_a_second_pull_asks_nobody(server: FileServer, store: Store, tmp_path: Path) -> None:
    manifest = pulled_from(server, tmp_path)
    records = [store.pull(manifest, progress=quiet) for _ in range(2)]

    assert (records[0] == records[1], len(server.asked)) == (True, 1)


def test_a_forced_pull_fetches_again(server: FileServer, store: Store, tmp_path: Path) -> None:
    manifest = pulled_from(server, tmp_path)
    store.pull(manifest, progress=quiet)
    store.graph(manifest).write_bytes(OTHER)
    store.pull(manifest, force=True, progress=quiet)

    assert (store.verify(manifest), len(server.asked)) == ([], 2)


def test_an_interrupted_pull_leaves_the_model_missing_and_the_next_one_completes_it(
    server: FileServer, store: Store, tmp_path: Path
) -> None:
    manifest = pulled_from(server, tmp_path)
    server.cuts = [1000]
    with pytest.raises(SourceFailed):
        store.pull(manifest, progress=quiet)
    states = [store.state(manifest)]
    store.pull(manifest, progress=quiet)
    states.append(store.state(manifest))

    assert states == ["missing", "ready"]


def test_a_mirror_given_to_the_store_is_asked_first(server: FileServer, tmp_path: Path) -> None:
    manifest = pulled_from(server, tmp_path)
    stored(tmp_path / "mirror" / "model.onnx", CONTENT)
    Store(tmp_path / "store", mirror=str(tmp_path / "mirror")).pull(manifest, progress=quiet)

    assert server.asked == []


def test_a_wheel_is_kept_until_downloads_are_dropped(store: Store, index: Path, tmp_path: Path) -> None:
    stored(tmp_path / "upstream.onnx", CONTENT)
    facts = file_facts(CONTENT, wheel_source(build_wheel(index, CONTENT)))
    manifest = manifest_of(tmp_path / "upstream.onnx", file=facts)
    store.pull(manifest, progress=quiet)
    kept = list(store.root.rglob("*.whl"))
    store.drop_downloads()

    assert (len(kept), list(store.root.rglob("*.whl")), store.verify(manifest)) == (1, [], [])


def test_a_store_that_cannot_be_written_says_so(tmp_path: Path, ready: Manifest) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(SourceFailed, match="cannot be written"):
        Store(tmp_path / "file").pull(ready, progress=quiet)


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(("harm", "what"), [(damage, "has sha256"), (Path.unlink, "is gone")], ids=["bit", "file"])
@pytest.mark.parametrize("name", ["weights.pth", "model.onnx", "parity.json"])
def test_verify_finds_a_flipped_bit_and_a_missing_file(
    store: Store, torch: Manifest, tmp_path: Path, name: str, harm: Callable[[Path], None], what: str
) -> None:
    store.pull(torch, progress=quiet)
    exported(store, torch, tmp_path)
    before = store.verify(torch)
    harm(store.root / FOLDER / name)
    [problem] = store.verify(torch)

    assert (before, name in problem, what in problem) == ([], True, True)


def test_verify_names_a_model_that_is_not_here(store: Store, ready: Manifest) -> None:
    assert store.verify(ready) == ["tiny is not in the store"]


def test_a_model_goes_from_missing_over_weights_to_ready(store: Store, torch: Manifest, tmp_path: Path) -> None:
    states = [store.state(torch)]
    store.pull(torch, progress=quiet)
    states.append(store.state(torch))
    exported(store, torch, tmp_path)
    states.append(store.state(torch))

    assert (states, store.graph(torch).read_bytes()) == (["missing", "to export", "ready"], b"graph")


def test_an_export_is_recorded_with_what_made_it(store: Store, torch: Manifest, tmp_path: Path) -> None:
    store.pull(torch, progress=quiet)
    exported(store, torch, tmp_path)
    record = store.record(torch)

    assert record is not None
    assert (sorted(record.files), record.files["model.onnx"].source, record.exported_with) == (
        ["model.onnx", "parity.json", "weights.pth"], "export", {"torch": "2.9"},
    )  # fmt: skip


def nothing(store: Store, manifest: Manifest) -> Manifest:
    return manifest


def pull(store: Store, manifest: Manifest) -> Manifest:
    store.pull(manifest, progress=quiet)
    return manifest


def pull_without_net(store: Store, manifest: Manifest) -> Manifest:
    return pull(store, manifest.model_copy(update={"net": None}))


def pull_then_change(store: Store, manifest: Manifest) -> Manifest:
    return pull(store, manifest).model_copy(update={"description": "changed"})


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (nothing, "its files are not in the store; get it with: kernelsight models pull tiny"),
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


def test_a_graph_that_was_deleted_is_corrupt_and_says_which_command_helps(store: Store, ready: Manifest) -> None:
    store.pull(ready, progress=quiet)
    (store.root / FOLDER / "model.onnx").unlink()

    with pytest.raises(ModelCorrupt, match="kernelsight models pull --force tiny"):
        store.graph(ready)


@pytest.mark.parametrize("harm", [damage, Path.unlink], ids=["bit", "file"])
def test_an_export_never_starts_from_damaged_weights(
    store: Store, torch: Manifest, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    store.pull(torch, progress=quiet)
    harm(store.weights(torch))

    with pytest.raises(ModelCorrupt, match="kernelsight models pull --force tiny"):
        exported(store, torch, tmp_path)


@pytest.mark.parametrize("manifest_then", [None, {"description": "changed"}], ids=["missing", "outdated"])
def test_an_export_never_starts_without_this_manifests_weights(
    store: Store, torch: Manifest, manifest_then: dict[str, str] | None
) -> None:
    if manifest_then is not None:
        store.pull(torch.model_copy(update=manifest_then), progress=quiet)

    with pytest.raises(ModelMissing, match="kernelsight models pull tiny"):
        store.weights(torch)
