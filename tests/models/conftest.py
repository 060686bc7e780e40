"""Fixtures for fetching: target folder, store, file server and wheel index, all on this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from models.store.store import Store
from tests.models.file_server import FileServer, serving_files
from tests.models.target_folder import CONTENT, TargetFolder


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving_files() as files:
        files.files["/model.onnx"] = CONTENT
        yield files


@pytest.fixture
def target_folder(tmp_path: Path) -> TargetFolder:
    root = tmp_path / "target"
    root.mkdir()
    return TargetFolder(root)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that pip takes wheels from, and the only one."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder
