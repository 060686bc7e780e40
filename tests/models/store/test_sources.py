"""Files from URLs, folders and mirrors: whole and right under their final name, or not there."""

import random
from contextlib import suppress
from pathlib import Path

import pytest

from models.errors import SourceFailed
from models.manifest import ModelFile
from models.store.sources import CHUNK, fetch, part_of
from tests.models.desk import CONTENT, OTHER, Desk, stored, url
from tests.models.file_server import FileServer
from tests.models.tiny_graphs import file_facts

NOBODY = "http://127.0.0.1:1/model.onnx"  # nothing listens on port 1
WEIGHTS = "Tiny_Weights.IMAGENET1K_V1"


def test_a_file_is_copied_and_its_source_named(tmp_path: Path, desk: Desk) -> None:
    source = desk.fetch(stored(tmp_path / "here.onnx", CONTENT))

    assert (source, desk.target.read_bytes()) == (f"file {tmp_path / 'here.onnx'}", CONTENT)


def test_a_url_is_downloaded_and_named(server: FileServer, desk: Desk) -> None:
    source = desk.fetch(url(f"{server.url}/model.onnx"))

    assert (source, desk.target.read_bytes()) == (f"url {server.url}/model.onnx", CONTENT)


def test_a_copied_file_with_the_wrong_hash_is_refused_and_nothing_is_left(tmp_path: Path, desk: Desk) -> None:
    with pytest.raises(SourceFailed, match=r"here\.onnx: sha256 is"):
        desk.fetch(stored(tmp_path / "here.onnx", OTHER))

    assert desk.arrived == []


def test_a_download_with_the_wrong_hash_is_refused_and_nothing_is_left(server: FileServer, desk: Desk) -> None:
    server.files["/model.onnx"] = OTHER
    with pytest.raises(SourceFailed, match=r"model\.onnx: sha256 is"):
        desk.fetch(url(f"{server.url}/model.onnx"))

    assert desk.arrived == []


def test_a_wrong_file_does_not_replace_a_right_one(server: FileServer, desk: Desk) -> None:
    desk.fetch(url(f"{server.url}/model.onnx"))
    server.files["/model.onnx"] = OTHER
    with pytest.raises(SourceFailed):
        desk.fetch(url(f"{server.url}/model.onnx"))

    assert desk.target.read_bytes() == CONTENT


def test_a_file_that_cannot_be_read_is_named_and_the_next_source_tried(server: FileServer, desk: Desk) -> None:
    unreadable = {"kind": "file", "path": "/proc/self/mem"}
    source = desk.fetch(unreadable, url(f"{server.url}/model.onnx"))

    assert source == f"url {server.url}/model.onnx"


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_a_refusal_names_the_url_and_the_status(server: FileServer, desk: Desk, status: int) -> None:
    server.statuses["/model.onnx"] = status
    with pytest.raises(SourceFailed, match=rf"{server.url}/model.onnx: .*{status}"):
        desk.fetch(url(f"{server.url}/model.onnx"))

    assert desk.arrived == []


def test_a_host_that_cannot_be_reached_is_named(desk: Desk) -> None:
    with pytest.raises(SourceFailed, match=NOBODY):
        desk.fetch(url(NOBODY))


def test_the_next_source_is_tried_when_one_fails(server: FileServer, desk: Desk) -> None:
    source = desk.fetch(url(NOBODY), url(f"{server.url}/missing"), url(f"{server.url}/model.onnx"))

    assert (source, desk.target.read_bytes()) == (f"url {server.url}/model.onnx", CONTENT)


def test_when_no_source_has_the_file_each_is_named_with_its_reason(server: FileServer, desk: Desk) -> None:
    with pytest.raises(SourceFailed, match=rf"{NOBODY}.*; .*/missing.*404.*; .*nowhere: no such file"):
        desk.fetch(url(NOBODY), url(f"{server.url}/missing"), {"kind": "file", "path": "nowhere"})


def test_an_interrupted_download_goes_on_where_it_stopped(server: FileServer, desk: Desk) -> None:
    server.files["/model.onnx"] = large = CONTENT * (5 * CHUNK // len(CONTENT))
    server.cuts = [2 * CHUNK + 5, CHUNK + 5]
    for _ in range(2):
        with pytest.raises(SourceFailed, match=server.url):
            desk.fetch(url(f"{server.url}/model.onnx"), content=large)
        assert not desk.target.exists()
    desk.fetch(url(f"{server.url}/model.onnx"), content=large)
    starts = [int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0 for asked in server.ranges]

    # The last piece that came before the cut may be lost: less than one chunk.
    assert (desk.target.read_bytes() == large, [start // CHUNK for start in starts]) == (True, [0, 2, 3])


def test_a_download_from_a_server_that_compresses_goes_on_too(server: FileServer, desk: Desk) -> None:
    server.files["/model.onnx"] = noise = random.Random(0).randbytes(4 * CHUNK)  # as large compressed as not
    server.compresses, server.cuts = True, [2 * CHUNK + 5]
    with pytest.raises(SourceFailed):
        desk.fetch(url(f"{server.url}/model.onnx"), content=noise)
    desk.fetch(url(f"{server.url}/model.onnx"), content=noise)

    assert (desk.target.read_bytes() == noise, len(server.asked)) == (True, 2)


def test_a_server_that_ignores_ranges_is_downloaded_from_the_start(server: FileServer, desk: Desk) -> None:
    server.ignores_ranges = True
    part_of(desk.target, f"{server.url}/model.onnx").write_bytes(CONTENT[:1000])
    desk.fetch(url(f"{server.url}/model.onnx"))

    assert (desk.target.read_bytes(), server.ranges) == (CONTENT, ["bytes=1000-"])


def test_a_download_that_was_whole_but_not_yet_taken_in_is_used(server: FileServer, desk: Desk) -> None:
    part_of(desk.target, f"{server.url}/model.onnx").write_bytes(CONTENT)
    desk.fetch(url(f"{server.url}/model.onnx"))

    assert (desk.target.read_bytes(), desk.arrived) == (CONTENT, ["model.onnx"])


@pytest.mark.parametrize("leftover", [OTHER[:1000], OTHER], ids=["some", "all"])
def test_a_leftover_of_another_file_is_thrown_away_so_that_the_next_try_succeeds(
    server: FileServer, desk: Desk, leftover: bytes
) -> None:
    part_of(desk.target, f"{server.url}/model.onnx").write_bytes(leftover)
    with suppress(SourceFailed):
        desk.fetch(url(f"{server.url}/model.onnx"))
    desk.fetch(url(f"{server.url}/model.onnx"))

    assert desk.target.read_bytes() == CONTENT


def test_progress_counts_up_to_the_whole_file_even_when_resumed(server: FileServer, desk: Desk) -> None:
    heard: list[tuple[int, int | None]] = []
    part_of(desk.target, f"{server.url}/model.onnx").write_bytes(CONTENT[:1000])
    file = ModelFile.model_validate(file_facts(CONTENT, url(f"{server.url}/model.onnx")))
    fetch(
        file, desk.target, mirror=None, wheels=desk.root, progress=lambda what, done, total: heard.append((done, total))
    )

    assert (heard == sorted(heard), heard[-1]) == (True, (len(CONTENT), len(CONTENT)))


@pytest.mark.parametrize("kind", ["folder", "url"])
def test_a_mirror_is_asked_before_the_source_itself(server: FileServer, tmp_path: Path, desk: Desk, kind: str) -> None:
    stored(tmp_path / "mirror" / "model.onnx", CONTENT)
    server.files["/mirror/model.onnx"] = CONTENT
    mirror = str(tmp_path / "mirror") if kind == "folder" else f"{server.url}/mirror/"
    source = desk.fetch(url(f"{server.url}/model.onnx"), mirror=mirror)
    asked = [path for path, _ in server.asked]

    assert (source.endswith("mirror/model.onnx"), desk.target.read_bytes(), "/model.onnx" in asked) == (
        True, CONTENT, False,
    )  # fmt: skip


@pytest.mark.parametrize("mirrored", [None, OTHER], ids=["lacks it", "has another file of that name"])
@pytest.mark.parametrize("kind", ["folder", "url"])
def test_a_mirror_that_has_not_this_file_falls_through_to_the_source(
    server: FileServer, tmp_path: Path, desk: Desk, kind: str, mirrored: bytes | None
) -> None:
    if mirrored is not None:
        stored(tmp_path / "mirror" / "model.onnx", mirrored)
        server.files["/mirror/model.onnx"] = mirrored
    mirror = str(tmp_path / "mirror") if kind == "folder" else f"{server.url}/mirror"
    source = desk.fetch(url(f"{server.url}/model.onnx"), mirror=mirror)

    assert (source, desk.target.read_bytes()) == (f"url {server.url}/model.onnx", CONTENT)


@pytest.mark.parametrize("mirror", ["http://127.0.0.1:1/mirror", "/nowhere/at/all"])
def test_a_mirror_that_cannot_be_reached_falls_through_to_the_source(
    server: FileServer, desk: Desk, mirror: str
) -> None:
    assert desk.fetch(url(f"{server.url}/model.onnx"), mirror=mirror) == f"url {server.url}/model.onnx"


@pytest.mark.parametrize("digits", [8, 64])
def test_torchvision_files_are_held_to_the_hash_in_their_name(server: FileServer, desk: Desk, digits: int) -> None:
    facts = file_facts(CONTENT, {"kind": "torchvision", "url": f"{server.url}/model.onnx", "weights": WEIGHTS})
    right = ModelFile.model_validate(facts | {"sha256": facts["sha256"][:digits]})
    wrong = ModelFile.model_validate(facts | {"sha256": "0" * digits})
    with pytest.raises(SourceFailed, match="sha256"):
        desk.fetch_file(wrong)
    desk.fetch_file(right)

    assert desk.target.read_bytes() == CONTENT
