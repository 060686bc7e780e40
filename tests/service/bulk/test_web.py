"""Manifests and images behind http(s), by the service's rules for URLs."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.service.bulk.pictures import folder_of, moderate, rows


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    folder = folder_of(tmp_path, 2, "site")
    (folder / "list.jsonl").write_text('{"path": "0000.jpg"}\n{"url": "/gone.jpg"}\n{"path": "file:///etc/passwd"}\n')
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_manifest_of_a_closed_network_gives_rows_where_that_is_allowed(site: str, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    done = moderate(f"{site}/list.jsonl", f"{site}/0001.jpg", "--output", out, url_inputs="any")

    found = {(row["source"].removeprefix(site), (row["error"] or {}).get("code")) for row in rows(out)}
    assert (done.returncode, found) == (
        1,
        {
            ("/0000.jpg", None),
            ("/0001.jpg", None),
            ("/gone.jpg", "url-fetch-failed"),
            ("/list.jsonl#3", "manifest-line-invalid"),
        },
    )


def test_a_manifest_of_this_machine_is_refused_by_default(site: str, tmp_path: Path) -> None:
    done = moderate(f"{site}/list.jsonl", "--output", tmp_path / "out.jsonl")

    assert (done.returncode, done.stderr.count("\n"), "port" in done.stderr) == (1, 1, True)
