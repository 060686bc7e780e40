"""Where the models of a record come from: what the store knows of the very files that answered."""

from pydantic import BaseModel

from models.errors import ModelUnknown
from models.manifest import Manifest
from models.registry import Catalog
from models.store.store import GRAPH, Store
from pipelines.types import ModelUsed


class Parity(BaseModel):
    """How far the export is from what it was made of."""

    max_difference: float
    images: int


class ModelOrigin(BaseModel):
    """`sources` by file; without any the store has no such version, or its graph is another one by now."""

    id: str
    version: int
    sha256: str
    sources: dict[str, str]
    parity: Parity | None = None


def origin_of(used: ModelUsed, catalog: Catalog, store: Store) -> ModelOrigin:
    """Raises ModelCorrupt."""
    unknown = ModelOrigin(**used.model_dump(), sources={})
    try:
        manifest = catalog.get(used.id).model_copy(update={"version": used.version})
    except ModelUnknown:
        return unknown
    record = store.record(manifest)
    if record is None or GRAPH not in record.files or record.files[GRAPH].sha256 != used.sha256:
        return unknown
    sources = {name: file.source for name, file in record.files.items()}
    return unknown.model_copy(update={"sources": sources, "parity": _parity(store, manifest)})


def _parity(store: Store, manifest: Manifest) -> Parity | None:
    found = store.parity(manifest)
    if found is None:
        return None
    return Parity(max_difference=max(found["max_difference"].values()), images=found["images"])
