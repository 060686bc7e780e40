"""The provenance of a record's models: what the store knows about the exact files that answered."""

from pydantic import BaseModel

from models.errors import ModelUnknown
from models.manifest import Manifest
from models.registry import Catalog
from models.store.store import Store
from pipelines.types import ModelUsed


class ExportParity(BaseModel):
    """How far the exported graph is from the network that it was exported from."""

    max_difference: float
    images: int


class ModelOrigin(BaseModel):
    """`sources` by file; empty where the store has no such version, or has another graph by now."""

    id: str
    version: int
    sha256: str
    sources: dict[str, str]
    parity: ExportParity | None = None


def find_origin(used: ModelUsed, catalog: Catalog, store: Store) -> ModelOrigin:
    """Raises ModelCorrupt."""
    unknown = ModelOrigin(**used.model_dump(), sources={})
    try:
        manifest = catalog.get(used.id).model_copy(update={"version": used.version})
    except ModelUnknown:
        return unknown
    record = store.record(manifest)
    if record is None or record.graph_sha256 != used.sha256:
        return unknown
    sources = {name: file.source for name, file in record.files.items()}
    return unknown.model_copy(update={"sources": sources, "parity": _read_parity(store, manifest)})


def _read_parity(store: Store, manifest: Manifest) -> ExportParity | None:
    found = store.parity(manifest)
    if found is None:
        return None
    return ExportParity(max_difference=max(found["max_difference"].values()), images=found["images"])
