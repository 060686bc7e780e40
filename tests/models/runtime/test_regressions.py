"""Once-found ways to lose a request, a file or a session."""

from pathlib import Path

import pytest

from models.manifest import CatalogInvalid, UrlSource
from models.registry import Catalog
from models.runtime.request_queue import RequestQueue, Waiting
from tests.models.desk import Desk, url
from tests.models.file_server import FileServer

CONTENT = bytes(range(256)) * 8192
SMALL, LARGE = (1,), (2,)


def test_bulk_work_of_an_odd_shape_has_its_turn_while_others_are_taken_along() -> None:
    line: RequestQueue[int] = RequestQueue("line", 1000)
    line.put(Waiting(-1, LARGE, "batch"))
    turns = 0
    served = False
    while not served and turns < 100:
        line.put(Waiting(turns, SMALL))
        line.put(Waiting(turns, SMALL, "batch"))
        served = any(waiting.work == -1 for waiting in line.take(8) or [])
        turns += 1

    assert turns < 20


def test_half_a_file_from_a_mirror_does_not_spoil_the_download_from_the_source(server: FileServer, desk: Desk) -> None:
    server.files["/mirror/model.onnx"] = CONTENT[::-1]
    server.files["/model.onnx"] = CONTENT
    server.cuts = [(1 << 20) + 5]
    desk.fetch(url(f"{server.url}/model.onnx"), content=CONTENT, mirror=f"{server.url}/mirror")

    assert desk.target.read_bytes() == CONTENT


@pytest.mark.parametrize("text", [b"encoder = 1", b'encoder = "\xff"'])
def test_a_task_list_that_makes_no_sense_is_an_invalid_catalog(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "tasks.toml").write_bytes(text)

    with pytest.raises(CatalogInvalid):
        Catalog.load(tmp_path)


def test_a_urls_query_is_no_part_of_its_file_name() -> None:
    assert UrlSource(kind="url", url="https://example.org/m.onnx?download=1").file_name == "m.onnx"
