"""Manifests and images behind http(s), under the service's rules for URLs."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.service.bulk.bulk_runs import make_image_folder, read_rows, run_moderate


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    folder = make_image_folder(tmp_path, 2, "site")
    (folder / "list.jsonl").write_text('{"path": "0000.jpg"}\n{"url": "/gone.jpg"}\n{"path": "file:///etc/passwd"}\n')
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_manifest_of_a_private_network_works_if_allowed(site: str, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    done = run_moderate(f"{site}/list.jsonl", f"{site}/0001.jpg", "--output", out, url_inputs="any")

    found = {(row["source"].removeprefix(site), (row["error"] or {}).get("code")) for row in read_rows(out)}
    assert done.returncode == 1
    assert found == {
        ("/0000.jpg", None),
        ("/0001.jpg", None),
        ("/gone.jpg", "url-fetch-failed"),
        ("/list.jsonl#3", "manifest-line-invalid"),
    }


def test_a_manifest_on_loopback_is_refused_by_default(site: str, tmp_path: Path) -> None:
    done = run_moderate(f"{site}/list.jsonl", "--output", tmp_path / "out.jsonl")

    assert "port" in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.returncode == 1
