"""Which second version the operator wants, and whether it can stand in for the first."""

from pathlib import Path

import numpy as np

from models.errors import ModelCorrupt
from models.lane import Inference
from models.loaded import Loaded
from models.manifest import Catalog, FileSource, Manifest, ModelFile, read_manifest
from models.runtime import Runtime
from models.sources import file_sha256
from service.settings import SettingsInvalid

# What pipelines were built on: a version that differs in one of these is another model to them.
CONTRACT = ("task", "input", "outputs", "labels", "decision")


def candidate_of(wanted: str, catalog: Catalog, runtime: Runtime) -> Manifest | None:
    """`wanted` is a manifest's path, or `ID=PATH` of a graph; None where that very file answers already.

    Raises ModelUnknown, CatalogInvalid, SettingsInvalid, and OSError for a file that cannot be read.
    """
    id, is_graph, path = wanted.partition("=")
    other = None if is_graph else read_manifest(Path(wanted).expanduser())
    live = _live(catalog.get(id if other is None else other.id), runtime)
    if other is None:
        return _of_graph(live, runtime, Path(path).expanduser())
    if other.version == live.version:
        if other.makes_the_files_of(live):
            return None
        raise SettingsInvalid(
            f"KERNELSIGHT_SHADOW: version {live.version} of {live.id} answers: give it another number"
        )
    if differs := [name for name in CONTRACT if getattr(other, name) != getattr(live, name)]:
        raise SettingsInvalid(f"KERNELSIGHT_SHADOW: {other.id} {other.version} has another {' and '.join(differs)}")
    return other


def _live(manifest: Manifest, runtime: Runtime) -> Manifest:
    if manifest.id not in runtime.models:
        raise SettingsInvalid(f"KERNELSIGHT_SHADOW: {manifest.id} does not answer in this service")
    return runtime.loaded(manifest.id).manifest


def _of_graph(live: Manifest, runtime: Runtime, path: Path) -> Manifest | None:
    """The facts of the version that answers, with this graph and the next number."""
    sha256, size = file_sha256(path), path.stat().st_size
    if sha256 == runtime.loaded(live.id).served.sha256:
        return None
    file = ModelFile(format="onnx", sha256=sha256, bytes=size, sources=(FileSource(kind="file", path=path.absolute()),))
    changes = {"version": live.version + 1, "net": None, "file": file, "figures": (), "description": path.name}
    return live.model_copy(update=changes)


async def check_outputs(live: Loaded, other: Loaded) -> None:
    """Raises ModelCorrupt where the same item gives them outputs of other names or shapes."""
    contract = live.manifest.input
    item = {contract.name: np.full(contract.item_shapes[0], 127, np.dtype(contract.dtype))}
    ours, theirs = [_shapes(await one.infer(item, priority="batch", deadline=None)) for one in (live, other)]
    if ours != theirs:
        raise ModelCorrupt(f"its outputs are {theirs}, where those of version {live.manifest.version} are {ours}")


def _shapes(answer: Inference) -> dict[str, tuple[int, ...]]:
    return {name: values.shape for name, values in answer.outputs.items()}
