"""Where fetched files arrive in a test, and short ways to name the sources that they come from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.manifest import Manifest, ModelFile
from models.store.sources import fetch
from tests.models.file_server import FileServer
from tests.models.tiny_graphs import file_facts, manifest_of, quiet

CONTENT = bytes(range(256)) * 2000
OTHER = bytes(len(CONTENT))


@dataclass(frozen=True)
class Desk:
    """Where files arrive: `fetch` with everything but the file and the mirror already decided."""

    root: Path

    @property
    def target(self) -> Path:
        return self.root / "model.onnx"

    @property
    def arrived(self) -> list[str]:
        return sorted(path.name for path in self.root.iterdir() if path.is_file())

    def fetch(self, *sources: dict[str, Any], content: bytes = CONTENT, mirror: str | None = None) -> str:
        facts = file_facts(content, *sources)
        return self.fetch_file(ModelFile.model_validate(facts), mirror=mirror)

    def fetch_file(self, file: ModelFile, *, mirror: str | None = None) -> str:
        return fetch(file, self.target, mirror=mirror, wheels=self.root / "wheels", progress=quiet)


def url(at: str) -> dict[str, Any]:
    return {"kind": "url", "url": at}


def stored(path: Path, content: bytes) -> dict[str, Any]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return {"kind": "file", "path": path}


def pulled_from(server: FileServer, tmp_path: Path) -> Manifest:
    """A manifest whose one source is the server."""
    stored(tmp_path / "upstream.onnx", CONTENT)
    facts = file_facts(CONTENT, url(f"{server.url}/model.onnx"))
    return manifest_of(tmp_path / "upstream.onnx", file=facts)
