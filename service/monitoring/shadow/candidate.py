"""Finds the candidate that the operator configured, and checks that it can replace the live version."""

from pathlib import Path

import numpy as np

from models.errors import ModelCorrupt
from models.inference import Inference
from models.manifest import FileSource, Manifest, ModelFile
from models.registry import Catalog, read_manifest
from models.runtime.loaded_model import LoadedModel
from models.runtime.runtime import Runtime
from models.store.promotions import find_replaced
from models.store.sources import hash_file
from models.store.store import Store
from service.settings import SettingsInvalid

# What pipelines rely on: a version that differs in one of these is another model to them.
CONTRACT = ("task", "input", "outputs", "labels", "decision")


def find_candidate(wanted: str, catalog: Catalog, runtime: Runtime, store: Store) -> Manifest | None:
    """`wanted` is the path of a manifest (.toml), or `ID=PATH` of a graph.

    Where that file is live already, the candidate is the version that it replaced, if there is one, so that it can be
    promoted back. Raises ModelUnknown, CatalogInvalid, SettingsInvalid, and OSError for a file that cannot be read.
    """
    if wanted.endswith(".toml"):
        return _candidate_from_manifest(read_manifest(Path(wanted).expanduser()), catalog, runtime, store)
    id, separator, path = wanted.partition("=")
    if not separator:
        raise SettingsInvalid(f"KERNELSIGHT_SHADOW: {wanted!r} is neither a manifest (.toml) nor ID=PATH of a graph")
    return _candidate_from_graph(_live_manifest(catalog.get(id), runtime), Path(path).expanduser(), runtime, store)


def _candidate_from_manifest(other: Manifest, catalog: Catalog, runtime: Runtime, store: Store) -> Manifest | None:
    live = _live_manifest(catalog.get(other.id), runtime)
    if other.version == live.version:
        if other.has_same_files_as(live):
            return find_replaced(store, live)
        raise SettingsInvalid(
            f"KERNELSIGHT_SHADOW: version {live.version} of {live.id} answers: give it another number"
        )
    if differs := [name for name in CONTRACT if getattr(other, name) != getattr(live, name)]:
        raise SettingsInvalid(f"KERNELSIGHT_SHADOW: {other.id} {other.version} has another {' and '.join(differs)}")
    return other


def _candidate_from_graph(live: Manifest, path: Path, runtime: Runtime, store: Store) -> Manifest | None:
    """The manifest of the live version, with this graph and the next version number."""
    sha256, size = hash_file(path), path.stat().st_size
    if sha256 == runtime.loaded(live.id).model_info.sha256:
        return find_replaced(store, live)
    file = ModelFile(format="onnx", sha256=sha256, bytes=size, sources=(FileSource(kind="file", path=path.absolute()),))
    changes = {"version": live.version + 1, "net": None, "file": file, "figures": (), "description": path.name}
    return live.model_copy(update=changes)


def _live_manifest(manifest: Manifest, runtime: Runtime) -> Manifest:
    if manifest.id not in runtime.models:
        raise SettingsInvalid(f"KERNELSIGHT_SHADOW: {manifest.id} does not answer in this service")
    return runtime.loaded(manifest.id).manifest


async def check_outputs(live: LoadedModel, other: LoadedModel) -> None:
    """Raises ModelCorrupt where both give outputs of different names or shapes for the same item."""
    contract = live.manifest.input
    item = {contract.name: np.full(contract.item_shapes[0], 127, np.dtype(contract.dtype))}
    live_shapes, other_shapes = [
        _output_shapes(await one.batcher.infer(item, priority="batch")) for one in (live, other)
    ]
    if live_shapes != other_shapes:
        raise ModelCorrupt(
            f"its outputs are {other_shapes}, where those of version {live.manifest.version} are {live_shapes}"
        )


def _output_shapes(answer: Inference) -> dict[str, tuple[int, ...]]:
    return {name: values.shape for name, values in answer.outputs.items()}
