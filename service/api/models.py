"""Which models there are, and where each came from."""

from typing import Any

from fastapi import APIRouter

from models.manifest import Manifest
from models.store import GRAPH
from service.api import kernels
from service.choices import Choice
from service.composition import House
from service.schemas import PROBLEMS, ModelList, ModelSummary, PassedOverModels, TaskSummary
from service.state import ReadyHouse, ReadyWatch
from service.watching import Watch

router = APIRouter(prefix="/v1/models", tags=["models"], responses=PROBLEMS)
router.include_router(kernels.router)


@router.get("")
async def models(house: ReadyHouse, watch: ReadyWatch) -> ModelList:
    """Which models do which task, and the catalog: licences, the state of the files, and what is loaded."""
    return ModelList(
        tasks={task: _task(choice) for task, choice in house.choices.items()},
        models=[_summary(house, watch, manifest) for manifest in house.catalog],
    )


@router.get("/{model}")
async def model(house: ReadyHouse, watch: ReadyWatch, model: str) -> dict[str, Any]:
    """One model's manifest and, once it is in the store, where its files came from and how exact its export is."""
    manifest = _answering(house, house.catalog.get(model))
    record = house.store.record(manifest)
    stored = record.model_dump(mode="json", exclude={"manifest"}) if record else None
    return {
        "summary": _summary(house, watch, manifest).model_dump(),
        "manifest": manifest.model_dump(mode="json"),
        "stored": stored,
        "parity": house.store.parity(manifest),
    }


@router.post("/{model}/promote")
async def promote(house: ReadyHouse, watch: ReadyWatch, model: str, version: int | None = None) -> ModelSummary:
    """Let the second version of a model answer, from this answer on; the version that did is the second one then.

    No request is dropped: who has asked is answered by the version before. The choice outlives this process. With
    `version` nothing is done where that one answers already.
    """
    manifest = house.catalog.get(model)
    await watch.versions.promote(model, version)
    return _summary(house, watch, manifest)


def _task(choice: Choice) -> TaskSummary:
    return TaskSummary(
        name=choice.name,
        models=[manifest.id for manifest in choice.models],
        reason=choice.reason,
        passed_over=[PassedOverModels(name=one.name, why=one.why) for one in choice.passed_over],
    )


def _answering(house: House, manifest: Manifest) -> Manifest:
    """The version that answers, which may be another one than at start."""
    return house.runtime.loaded(manifest.id).manifest if manifest.id in house.runtime.models else manifest


def _summary(house: House, watch: Watch, manifest: Manifest) -> ModelSummary:
    manifest = _answering(house, manifest)
    record = house.store.record(manifest)
    graph = record.files.get(GRAPH) if record else None
    loaded = manifest.id in house.runtime.models
    return ModelSummary(
        id=manifest.id,
        version=manifest.version,
        task=manifest.task,
        description=manifest.description,
        license=manifest.license,
        state=house.store.state(manifest),
        loaded=loaded,
        device=house.runtime.device if loaded else None,
        sha256=graph.sha256 if graph else None,
        shadow=watch.versions.report(manifest.id),
    )
