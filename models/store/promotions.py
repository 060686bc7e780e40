"""Stores which version of a model was promoted, beside the versions' files, so that it survives a restart.

VERSIONS/<id>/promoted.json    the version that answers instead of the catalog's, and which of the catalog's that was

The promotion holds for as long as the catalog has that version. When a release or an operator brings another
version, that one answers.
"""

import logging
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from models.atomic_write import write_atomically
from models.errors import KernelSightError, ModelMissing, SourceFailed
from models.manifest import Manifest
from models.store.store import Store

log = logging.getLogger(__name__)


class Promotion(BaseModel):
    """`over` is the catalog's model at that time: its version, and the sha256 of the file that it is made from."""

    model_config = ConfigDict(frozen=True)

    version: int
    over: tuple[int, str]


def find_version(store: Store, manifest: Manifest, version: int) -> Manifest:
    """`manifest`, or the manifest of another stored version of that model; raises ModelMissing or ModelCorrupt."""
    if version == manifest.version:
        return manifest
    record = store.record(manifest.model_copy(update={"version": version}))
    if record is None:
        raise ModelMissing(
            manifest.id, f"version {version} is not in the store", f"kernelsight models pull {manifest.id}"
        )
    store.graph(record.manifest)
    return record.manifest


def resolve_promoted(store: Store, manifest: Manifest) -> Manifest:
    """The version that should answer for the catalog's `manifest`: the promoted one, or `manifest` itself."""
    promotion = _read(store, manifest.id)
    if promotion is None:
        return manifest
    if promotion.over != _key(manifest):
        log.warning("%s: the catalog has another version since one was promoted; the catalog's is used", manifest.id)
        return manifest
    try:
        return find_version(store, manifest, promotion.version)
    except KernelSightError as error:
        log.error("version %d answers instead of the promoted one: %s", manifest.version, error)
        return manifest


def find_replaced(store: Store, live: Manifest) -> Manifest | None:
    """The version that answered before `live` was promoted.

    None where `live` was not promoted, or where that version is no longer in the store.
    """
    promotion = _read(store, live.id)
    if promotion is None or promotion.version != live.version:
        return None
    try:
        return find_version(store, live, promotion.over[0])
    except KernelSightError:
        return None


def write_promotion(store: Store, live: Manifest, candidate: Manifest) -> None:
    """Let `candidate` answer instead of `live` from the next start on; raises SourceFailed, and then nothing changed.

    Where `candidate` is the catalog's own version, the promotion is removed.
    """
    before, path = _read(store, live.id), _path(store, live.id)
    over = before.over if before is not None and before.version == live.version else _key(live)
    try:
        if _key(candidate) == over:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, Promotion(version=candidate.version, over=over).model_dump_json())
    except OSError as cause:
        raise SourceFailed(f"the folder of versions {store.versions} cannot be written: {cause.strerror}") from cause


def _read(store: Store, model: str) -> Promotion | None:
    try:
        return Promotion.model_validate_json(_path(store, model).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        log.error("%s cannot be read; the catalog's version is used: %s", _path(store, model), error)
        return None


def _path(store: Store, model: str) -> Path:
    return store.versions / model / "promoted.json"


def _key(manifest: Manifest) -> tuple[int, str]:
    return manifest.version, manifest.file.sha256
