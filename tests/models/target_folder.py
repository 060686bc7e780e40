"""A folder that files are fetched to, and short forms of their sources."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.manifest import Manifest, ModelFile
from models.store.sources import fetch_file
from tests.models.file_server import FileServer
from tests.models.tiny_graphs import file_facts, ignore_progress, make_manifest

CONTENT = bytes(range(256)) * 2000
OTHER = bytes(len(CONTENT))


@dataclass(frozen=True)
class TargetFolder:
    """`fetch_file` with everything given but the file and the mirror."""

    root: Path

    @property
    def target(self) -> Path:
        return self.root / "model.onnx"

    @property
    def file_names(self) -> list[str]:
        return sorted(path.name for path in self.root.iterdir() if path.is_file())

    def fetch(self, *sources: dict[str, Any], content: bytes = CONTENT, mirror: str | None = None) -> str:
        facts = file_facts(content, *sources)
        return self.fetch_file(ModelFile.model_validate(facts), mirror=mirror)

    def fetch_file(self, file: ModelFile, *, mirror: str | None = None) -> str:
        return fetch_file(file, self.target, mirror=mirror, wheels=self.root / "wheels", progress=ignore_progress)


def url_source(at: str) -> dict[str, Any]:
    return {"kind": "url", "url": at}


def write_file_source(path: Path, content: bytes) -> dict[str, Any]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return {"kind": "file", "path": path}


def manifest_from_server(server: FileServer, tmp_path: Path) -> Manifest:
    """A manifest whose only source is the server."""
    write_file_source(tmp_path / "upstream.onnx", CONTENT)
    facts = file_facts(CONTENT, url_source(f"{server.url}/model.onnx"))
    return make_manifest(tmp_path / "upstream.onnx", file=facts)
