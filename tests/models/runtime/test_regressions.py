"""Regressions: bugs that once lost a request, a file or a session."""

from pathlib import Path

import pytest

from models.manifest import CatalogInvalid, UrlSource
from models.registry import Catalog
from models.runtime.request_queue import QueuedRequest, RequestQueue
from tests.models.file_server import FileServer
from tests.models.target_folder import TargetFolder, url_source

CONTENT = bytes(range(256)) * 8192
SMALL, LARGE = (1,), (2,)


def test_batch_work_of_a_rare_shape_gets_its_turn() -> None:
    queue: RequestQueue[int] = RequestQueue("queue", 1000)
    queue.put(QueuedRequest(-1, LARGE, "batch"))
    turns = 0
    served = False
    while not served and turns < 100:
        queue.put(QueuedRequest(turns, SMALL))
        queue.put(QueuedRequest(turns, SMALL, "batch"))
        served = any(request.work == -1 for request in queue.take(8) or [])
        turns += 1

    assert turns < 20


def test_half_a_file_from_a_mirror_does_not_spoil_the_download(server: FileServer, target_folder: TargetFolder) -> None:
    server.files["/mirror/model.onnx"] = CONTENT[::-1]
    server.files["/model.onnx"] = CONTENT
    server.cuts = [(1 << 20) + 5]
    target_folder.fetch(url_source(f"{server.url}/model.onnx"), content=CONTENT, mirror=f"{server.url}/mirror")

    assert target_folder.target.read_bytes() == CONTENT


@pytest.mark.parametrize("text", [b"encoder = 1", b'encoder = "\xff"'])
def test_a_malformed_task_list_is_an_invalid_catalog(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "tasks.toml").write_bytes(text)

    with pytest.raises(CatalogInvalid):
        Catalog.load(tmp_path)


def test_a_urls_query_is_no_part_of_its_file_name() -> None:
    assert UrlSource(kind="url", url="https://example.org/m.onnx?download=1").file_name == "m.onnx"
