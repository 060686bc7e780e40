"""Which second version the operator wants, and whether it can stand in for the first."""

from pathlib import Path

import numpy as np

from models.errors import ModelCorrupt
from models.inference import Inference
from models.manifest import FileSource, Manifest, ModelFile
from models.registry import Catalog, read_manifest
from models.runtime.loaded_model import Loaded
from models.runtime.runtime import Runtime
from models.store.promotions import promoted_over
from models.store.sources import file_sha256
from models.store.store import Store
from service.settings import SettingsInvalid

# What pipelines were built on: a version that differs in one of these is another model to them.
CONTRACT = ("task", "input", "outputs", "labels", "decision")


def candidate_of(wanted: str, catalog: Catalog, runtime: Runtime, store: Store) -> Manifest | None:
    """`wanted` is the path of a manifest (.toml), or `ID=PATH` of a graph.

    Where that very file answers already, the candidate is what it was promoted over, if there is such a thing: the
    way back stays open. Raises ModelUnknown, CatalogInvalid, SettingsInvalid, and OSError for a file that cannot be
    read.
    """
    if wanted.endswith(".toml"):
        return _of_manifest(read_manifest(Path(wanted).expanduser()), catalog, runtime, store)
    id, named, path = wanted.partition("=")
    if not named:
        raise SettingsInvalid(f"KERNELSIGHT_SHADOW: {wanted!r} is neither a manifest (.toml) nor ID=PATH of a graph")
    return _of_graph(_live(catalog.get(id), runtime), Path(path).expanduser(), runtime, store)


def _of_manifest(other: Manifest, catalog: Catalog, runtime: Runtime, store: Store) -> Manifest | None:
    live = _live(catalog.get(other.id), runtime)
    if other.version == live.version:
        if other.makes_the_files_of(live):
            return promoted_over(store, live)
        raise SettingsInvalid(
            f"KERNELSIGHT_SHADOW: version {live.version} of {live.id} answers: give it another number"
        )
    if differs := [name for name in CONTRACT if getattr(other, name) != getattr(live, name)]:
        raise SettingsInvalid(f"KERNELSIGHT_SHADOW: {other.id} {other.version} has another {' and '.join(differs)}")
    return other


def _of_graph(live: Manifest, path: Path, runtime: Runtime, store: Store) -> Manifest | None:
    """The facts of the version that answers, with this graph and the next number."""
    sha256, size = file_sha256(path), path.stat().st_size
    if sha256 == runtime.loaded(live.id).served.sha256:
        return promoted_over(store, live)
    file = ModelFile(format="onnx", sha256=sha256, bytes=size, sources=(FileSource(kind="file", path=path.absolute()),))
    changes = {"version": live.version + 1, "net": None, "file": file, "figures": (), "description": path.name}
    return live.model_copy(update=changes)


def _live(manifest: Manifest, runtime: Runtime) -> Manifest:
    if manifest.id not in runtime.models:
        raise SettingsInvalid(f"KERNELSIGHT_SHADOW: {manifest.id} does not answer in this service")
    return runtime.loaded(manifest.id).manifest


async def check_outputs(live: Loaded, other: Loaded) -> None:
    """Raises ModelCorrupt where the same item gives them outputs of other names or shapes."""
    contract = live.manifest.input
    item = {contract.name: np.full(contract.item_shapes[0], 127, np.dtype(contract.dtype))}
    ours, theirs = [_shapes(await one.infer(item, priority="batch", deadline=None)) for one in (live, other)]
    if ours != theirs:
        raise ModelCorrupt(f"its outputs are {theirs}, where those of version {live.manifest.version} are {ours}")


def _shapes(answer: Inference) -> dict[str, tuple[int, ...]]:
    return {name: values.shape for name, values in answer.outputs.items()}
