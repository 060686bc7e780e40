"""Files from URLs, folders and mirrors are complete and right, or not there."""

import random
from contextlib import suppress
from pathlib import Path

import pytest

from models.errors import SourceFailed
from models.manifest import ModelFile
from models.store.sources import CHUNK, fetch_file, part_of
from tests.models.file_server import FileServer
from tests.models.target_folder import CONTENT, OTHER, TargetFolder, url_source, write_file_source
from tests.models.tiny_graphs import file_facts

NOBODY = "http://127.0.0.1:1/model.onnx"  # nothing listens on port 1
WEIGHTS = "Tiny_Weights.IMAGENET1K_V1"


def test_a_file_is_copied_and_its_source_named(tmp_path: Path, target_folder: TargetFolder) -> None:
    source = target_folder.fetch(write_file_source(tmp_path / "here.onnx", CONTENT))

    assert source == f"file {tmp_path / 'here.onnx'}"
    assert target_folder.target.read_bytes() == CONTENT


def test_a_url_is_downloaded_and_named(server: FileServer, target_folder: TargetFolder) -> None:
    source = target_folder.fetch(url_source(f"{server.url}/model.onnx"))

    assert source == f"url {server.url}/model.onnx"
    assert target_folder.target.read_bytes() == CONTENT


def test_a_copied_file_with_the_wrong_hash_leaves_nothing(tmp_path: Path, target_folder: TargetFolder) -> None:
    with pytest.raises(SourceFailed, match=r"here\.onnx: sha256 is"):
        target_folder.fetch(write_file_source(tmp_path / "here.onnx", OTHER))

    assert target_folder.file_names == []


def test_a_download_with_the_wrong_hash_leaves_nothing(server: FileServer, target_folder: TargetFolder) -> None:
    server.files["/model.onnx"] = OTHER
    with pytest.raises(SourceFailed, match=r"model\.onnx: sha256 is"):
        target_folder.fetch(url_source(f"{server.url}/model.onnx"))

    assert target_folder.file_names == []


def test_a_wrong_file_does_not_replace_a_right_one(server: FileServer, target_folder: TargetFolder) -> None:
    target_folder.fetch(url_source(f"{server.url}/model.onnx"))
    server.files["/model.onnx"] = OTHER
    with pytest.raises(SourceFailed):
        target_folder.fetch(url_source(f"{server.url}/model.onnx"))

    assert target_folder.target.read_bytes() == CONTENT


def test_after_an_unreadable_file_the_next_source_is_tried(server: FileServer, target_folder: TargetFolder) -> None:
    unreadable = {"kind": "file", "path": "/proc/self/mem"}
    source = target_folder.fetch(unreadable, url_source(f"{server.url}/model.onnx"))

    assert source == f"url {server.url}/model.onnx"


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_a_refusal_names_the_url_and_the_status(server: FileServer, target_folder: TargetFolder, status: int) -> None:
    server.statuses["/model.onnx"] = status
    with pytest.raises(SourceFailed, match=rf"{server.url}/model.onnx: .*{status}"):
        target_folder.fetch(url_source(f"{server.url}/model.onnx"))

    assert target_folder.file_names == []


def test_a_host_that_cannot_be_reached_is_named(target_folder: TargetFolder) -> None:
    with pytest.raises(SourceFailed, match=NOBODY):
        target_folder.fetch(url_source(NOBODY))


def test_the_next_source_is_tried_when_one_fails(server: FileServer, target_folder: TargetFolder) -> None:
    source = target_folder.fetch(
        url_source(NOBODY), url_source(f"{server.url}/missing"), url_source(f"{server.url}/model.onnx")
    )

    assert source == f"url {server.url}/model.onnx"
    assert target_folder.target.read_bytes() == CONTENT


def test_when_all_sources_fail_each_is_named_with_its_reason(server: FileServer, target_folder: TargetFolder) -> None:
    with pytest.raises(SourceFailed, match=rf"{NOBODY}.*; .*/missing.*404.*; .*nowhere: no such file"):
        target_folder.fetch(
            url_source(NOBODY), url_source(f"{server.url}/missing"), {"kind": "file", "path": "nowhere"}
        )


def test_an_interrupted_download_goes_on_where_it_stopped(server: FileServer, target_folder: TargetFolder) -> None:
    server.files["/model.onnx"] = large = CONTENT * (5 * CHUNK // len(CONTENT))
    server.cuts = [2 * CHUNK + 5, CHUNK + 5]
    for _ in range(2):
        with pytest.raises(SourceFailed, match=server.url):
            target_folder.fetch(url_source(f"{server.url}/model.onnx"), content=large)
        assert not target_folder.target.exists()
    target_folder.fetch(url_source(f"{server.url}/model.onnx"), content=large)
    starts = [int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0 for asked in server.ranges]

    # Of the bytes that arrived before the cut, less than one chunk may be lost.
    assert target_folder.target.read_bytes() == large
    assert [start // CHUNK for start in starts] == [0, 2, 3]


def test_a_download_from_a_server_that_compresses_goes_on_too(server: FileServer, target_folder: TargetFolder) -> None:
    server.files["/model.onnx"] = noise = random.Random(0).randbytes(4 * CHUNK)  # as large compressed as not
    server.compresses, server.cuts = True, [2 * CHUNK + 5]
    with pytest.raises(SourceFailed):
        target_folder.fetch(url_source(f"{server.url}/model.onnx"), content=noise)
    target_folder.fetch(url_source(f"{server.url}/model.onnx"), content=noise)

    assert target_folder.target.read_bytes() == noise
    assert len(server.asked) == 2


def test_a_server_that_ignores_ranges_is_downloaded_from_the_start(
    server: FileServer, target_folder: TargetFolder
) -> None:
    server.ignores_ranges = True
    part_of(target_folder.target, f"{server.url}/model.onnx").write_bytes(CONTENT[:1000])
    target_folder.fetch(url_source(f"{server.url}/model.onnx"))

    assert target_folder.target.read_bytes() == CONTENT
    assert server.ranges == ["bytes=1000-"]


def test_a_complete_partial_download_is_used(server: FileServer, target_folder: TargetFolder) -> None:
    part_of(target_folder.target, f"{server.url}/model.onnx").write_bytes(CONTENT)
    target_folder.fetch(url_source(f"{server.url}/model.onnx"))

    assert target_folder.target.read_bytes() == CONTENT
    assert target_folder.file_names == ["model.onnx"]


@pytest.mark.parametrize("leftover", [OTHER[:1000], OTHER], ids=["some", "all"])
def test_a_leftover_of_another_file_is_discarded(
    server: FileServer, target_folder: TargetFolder, leftover: bytes
) -> None:
    part_of(target_folder.target, f"{server.url}/model.onnx").write_bytes(leftover)
    with suppress(SourceFailed):
        target_folder.fetch(url_source(f"{server.url}/model.onnx"))
    target_folder.fetch(url_source(f"{server.url}/model.onnx"))

    assert target_folder.target.read_bytes() == CONTENT


def test_progress_counts_up_to_the_whole_file_even_when_resumed(
    server: FileServer, target_folder: TargetFolder
) -> None:
    reports: list[tuple[int, int | None]] = []
    part_of(target_folder.target, f"{server.url}/model.onnx").write_bytes(CONTENT[:1000])
    file = ModelFile.model_validate(file_facts(CONTENT, url_source(f"{server.url}/model.onnx")))
    fetch_file(
        file,
        target_folder.target,
        mirror=None,
        wheels=target_folder.root,
        progress=lambda step, done, total: reports.append((done, total)),
    )

    assert reports == sorted(reports)
    assert reports[-1] == (len(CONTENT), len(CONTENT))


@pytest.mark.parametrize("kind", ["folder", "url"])
def test_a_mirror_is_asked_before_the_source_itself(
    server: FileServer, tmp_path: Path, target_folder: TargetFolder, kind: str
) -> None:
    write_file_source(tmp_path / "mirror" / "model.onnx", CONTENT)
    server.files["/mirror/model.onnx"] = CONTENT
    mirror = str(tmp_path / "mirror") if kind == "folder" else f"{server.url}/mirror/"
    source = target_folder.fetch(url_source(f"{server.url}/model.onnx"), mirror=mirror)
    asked = [path for path, _ in server.asked]

    assert source.endswith("mirror/model.onnx")
    assert target_folder.target.read_bytes() == CONTENT
    assert "/model.onnx" not in asked


@pytest.mark.parametrize("mirrored", [None, OTHER], ids=["lacks it", "has another file of that name"])
@pytest.mark.parametrize("kind", ["folder", "url"])
def test_a_mirror_without_the_file_falls_back_to_the_source(
    server: FileServer, tmp_path: Path, target_folder: TargetFolder, kind: str, mirrored: bytes | None
) -> None:
    if mirrored is not None:
        write_file_source(tmp_path / "mirror" / "model.onnx", mirrored)
        server.files["/mirror/model.onnx"] = mirrored
    mirror = str(tmp_path / "mirror") if kind == "folder" else f"{server.url}/mirror"
    source = target_folder.fetch(url_source(f"{server.url}/model.onnx"), mirror=mirror)

    assert source == f"url {server.url}/model.onnx"
    assert target_folder.target.read_bytes() == CONTENT


@pytest.mark.parametrize("mirror", ["http://127.0.0.1:1/mirror", "/nowhere/at/all"])
def test_an_unreachable_mirror_falls_back_to_the_source(
    server: FileServer, target_folder: TargetFolder, mirror: str
) -> None:
    assert target_folder.fetch(url_source(f"{server.url}/model.onnx"), mirror=mirror) == f"url {server.url}/model.onnx"


@pytest.mark.parametrize("digits", [8, 64])
def test_torchvision_files_must_match_the_hash_in_their_name(
    server: FileServer, target_folder: TargetFolder, digits: int
) -> None:
    facts = file_facts(CONTENT, {"kind": "torchvision", "url": f"{server.url}/model.onnx", "weights": WEIGHTS})
    right = ModelFile.model_validate(facts | {"sha256": facts["sha256"][:digits]})
    wrong = ModelFile.model_validate(facts | {"sha256": "0" * digits})
    with pytest.raises(SourceFailed, match="sha256"):
        target_folder.fetch_file(wrong)
    target_folder.fetch_file(right)

    assert target_folder.target.read_bytes() == CONTENT
