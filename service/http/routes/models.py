"""Which models there are, and where each came from."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from models.errors import DeadlineExceeded
from models.kernels.health import KernelHealth
from models.manifest import Manifest
from models.store.store import GRAPH
from service.components import Components
from service.http.dependencies import ReadyComponents, ReadyMonitors
from service.http.openapi import PROBLEMS, ModelList, ModelSummary, PassedOverModels, TaskSummary
from service.model_selection import Choice
from service.monitoring.kernel_health.monitor import current_manifest
from service.monitoring.monitors import Monitors

router = APIRouter(prefix="/v1/models", tags=["models"], responses=PROBLEMS)


@router.get("")
async def models(components: ReadyComponents, monitors: ReadyMonitors) -> ModelList:
    """Which models do which task, and the catalog: licences, the state of the files, and what is loaded."""
    return ModelList(
        tasks={task: _task(choice) for task, choice in components.choices.items()},
        models=[_summary(components, monitors, manifest) for manifest in components.catalog],
    )


@router.get("/{model}")
async def model(components: ReadyComponents, monitors: ReadyMonitors, model: str) -> dict[str, Any]:
    """One model's manifest and, once it is in the store, where its files came from and how exact its export is."""
    manifest = _answering(components, components.catalog.get(model))
    record = components.store.record(manifest)
    stored = record.model_dump(mode="json", exclude={"manifest"}) if record else None
    return {
        "summary": _summary(components, monitors, manifest).model_dump(),
        "manifest": manifest.model_dump(mode="json"),
        "stored": stored,
        "parity": components.store.parity(manifest),
    }


@router.post("/{model}/promote")
async def promote(
    components: ReadyComponents, monitors: ReadyMonitors, model: str, version: int | None = None
) -> ModelSummary:
    """Let the second version of a model answer, from this answer on; the version that did is the second one then.

    No request is dropped: who has asked is answered by the version before. The choice outlives this process. With
    `version` nothing is done where that one answers already.
    """
    manifest = components.catalog.get(model)
    await monitors.versions.promote(model, version)
    return _summary(components, monitors, manifest)


def _task(choice: Choice) -> TaskSummary:
    return TaskSummary(
        name=choice.name,
        models=[manifest.id for manifest in choice.models],
        reason=choice.reason,
        passed_over=[PassedOverModels(name=one.name, why=one.why) for one in choice.passed_over],
    )


def _answering(components: Components, manifest: Manifest) -> Manifest:
    """The version that answers, which may be another one than at start."""
    return components.runtime.loaded(manifest.id).manifest if manifest.id in components.runtime.models else manifest


def _summary(components: Components, monitors: Monitors, manifest: Manifest) -> ModelSummary:
    manifest = _answering(components, manifest)
    record = components.store.record(manifest)
    graph = record.files.get(GRAPH) if record else None
    loaded = manifest.id in components.runtime.models
    return ModelSummary(
        id=manifest.id,
        version=manifest.version,
        task=manifest.task,
        description=manifest.description,
        license=manifest.license,
        state=components.store.state(manifest),
        loaded=loaded,
        device=components.runtime.device if loaded else None,
        sha256=graph.sha256 if graph else None,
        shadow=monitors.versions.report(manifest.id),
    )


class KernelsQuery(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["json", "png"] = "json"
    show: Literal["kernels", "activations"] = Field(
        default="kernels", description="of a PNG: the kernels, or those that answer most and to what"
    )
    layer: str | None = Field(default=None, description="of a PNG: a layer's name as in the JSON; the first without")


@router.get(
    "/{model}/kernels",
    response_model=KernelHealth,
    responses={200: {"content": {"image/png": {}}, "description": "Numbers for each layer, or a picture of one"}},
)
async def kernels(
    components: ReadyComponents, monitors: ReadyMonitors, model: str, query: Annotated[KernelsQuery, Query()]
) -> Response:
    """Of each convolution layer: the range of activations, dead kernels, saturation, drift from the profile.

    `format=png` gives the kernels of the first layer as a picture, or of the layer that is named; with
    `show=activations` the kernels that answer most to the drawn pictures, each over the one it answers to.
    """
    manifest = current_manifest(components, model)
    try:
        async with asyncio.timeout(components.settings.request_seconds):
            if query.format == "json":
                return Response(
                    (await monitors.kernels.health(manifest)).model_dump_json(), media_type="application/json"
                )
            draw = monitors.kernels.kernels_png if query.show == "kernels" else monitors.kernels.activations_png
            return Response(await draw(manifest, query.layer), media_type="image/png")
    except TimeoutError:
        raise DeadlineExceeded("the look at the kernels") from None
