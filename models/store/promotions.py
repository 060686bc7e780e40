"""Which version of a model was promoted: a choice that is kept beside the versions' files,
and outlives the process that made it.

VERSIONS/<id>/promoted.json    the version that answers instead of the catalog's, and which of the catalog's that was

It holds for as long as the catalog has that version: where a release or an operator brings another, that one counts.
"""

import logging
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from models.errors import KernelSightError, ModelMissing, SourceFailed
from models.manifest import Manifest
from models.store.store import Store

log = logging.getLogger(__name__)


class Promotion(BaseModel):
    """`over` is what the catalog had: its version, and the sha256 of the file that it is made from."""

    model_config = ConfigDict(frozen=True)

    version: int
    over: tuple[int, str]


def version_of(store: Store, manifest: Manifest, version: int) -> Manifest:
    """`manifest`, or what the store has as another version of that model; raises ModelMissing or ModelCorrupt."""
    if version == manifest.version:
        return manifest
    record = store.record(manifest.model_copy(update={"version": version}))
    if record is None:
        raise ModelMissing(
            manifest.id, f"version {version} is not in the store", f"kernelsight models pull {manifest.id}"
        )
    store.graph(record.manifest)
    return record.manifest


def promoted(store: Store, manifest: Manifest) -> Manifest:
    """What is to answer for a model of which the catalog has `manifest`."""
    promotion = _read(store, manifest.id)
    if promotion is None:
        return manifest
    if promotion.over != _key(manifest):
        log.warning("%s: the catalog has another version since one was promoted, and that one counts", manifest.id)
        return manifest
    try:
        return version_of(store, manifest, promotion.version)
    except KernelSightError as error:
        log.error("version %d answers instead of the promoted one: %s", manifest.version, error)
        return manifest


def promoted_over(store: Store, live: Manifest) -> Manifest | None:
    """What answered before `live` was promoted; None where it was not, or that is not in the store any more."""
    promotion = _read(store, live.id)
    if promotion is None or promotion.version != live.version:
        return None
    try:
        return version_of(store, live, promotion.over[0])
    except KernelSightError:
        return None


def keep_promotion(store: Store, live: Manifest, candidate: Manifest) -> None:
    """Let `candidate` answer instead of `live` from the next start on; raises SourceFailed, and then nothing changed.

    Where `candidate` is what the catalog has, nothing is promoted any more.
    """
    before, path = _read(store, live.id), _path(store, live.id)
    over = before.over if before is not None and before.version == live.version else _key(live)
    try:
        if _key(candidate) == over:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_text(Promotion(version=candidate.version, over=over).model_dump_json(), "utf-8")
        new.replace(path)
    except OSError as cause:
        raise SourceFailed(f"the folder of versions {store.versions} cannot be written: {cause.strerror}") from cause


def _read(store: Store, model: str) -> Promotion | None:
    try:
        return Promotion.model_validate_json(_path(store, model).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        log.error("%s cannot be read, so the catalog counts: %s", _path(store, model), error)
        return None


def _path(store: Store, model: str) -> Path:
    return store.versions / model / "promoted.json"


def _key(manifest: Manifest) -> tuple[int, str]:
    return manifest.version, manifest.file.sha256
