"""The routes for models: which there are, where they came from, promotion, and kernels."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from models.errors import DeadlineExceeded
from models.kernels.health import KernelHealth
from models.manifest import Manifest
from service.components import Components
from service.http.dependencies import ReadyComponents, ReadyMonitors, requires
from service.http.openapi import PROBLEM_RESPONSES, ModelList, ModelSummary, PassedOverModels, TaskSummary, problems
from service.model_selection import ModelSelection
from service.monitoring.kernel_health.monitor import current_manifest
from service.monitoring.monitors import Monitors

router = APIRouter(prefix="/v1/models", tags=["models"], responses=PROBLEM_RESPONSES)


@router.get("", dependencies=[requires("read-metrics")])
async def models(components: ReadyComponents, monitors: ReadyMonitors) -> ModelList:
    """The models of each task, and the catalog: licences, the state of the files, and which models are loaded."""
    return ModelList(
        tasks={task: _task_summary(choice) for task, choice in (components.selections | components.absent).items()},
        models=[_model_summary(components, monitors, manifest) for manifest in components.catalog],
    )


@router.get("/{model}", responses=problems(404), dependencies=[requires("read-metrics")])
async def model(components: ReadyComponents, monitors: ReadyMonitors, model: str) -> dict[str, Any]:
    """A model's manifest and, if it is in the store, where its files came from and how exact its export is."""
    manifest = _serving_manifest(components, components.catalog.get(model))
    record = components.store.record(manifest)
    stored = record.model_dump(mode="json", exclude={"manifest"}) if record else None
    return {
        "summary": _model_summary(components, monitors, manifest).model_dump(),
        "manifest": manifest.model_dump(mode="json"),
        "stored": stored,
        "parity": components.store.parity(manifest),
    }


@router.post("/{model}/promote", responses=problems(404, 409), dependencies=[requires("operate")])
async def promote(
    components: ReadyComponents, monitors: ReadyMonitors, model: str, version: int | None = None
) -> ModelSummary:
    """Swap a model's serving version and its shadow version.

    No request is dropped: those that have begun are answered by the earlier version. The choice outlives this process.
    With `version`, nothing is done if that version already serves.
    """
    manifest = components.catalog.get(model)
    await monitors.versions.promote(model, version)
    return _model_summary(components, monitors, manifest)


def _task_summary(choice: ModelSelection) -> TaskSummary:
    return TaskSummary(
        name=choice.name,
        models=[manifest.id for manifest in choice.manifests],
        reason=choice.reason,
        passed_over=[PassedOverModels(name=one.name, why=one.why) for one in choice.passed_over],
    )


def _serving_manifest(components: Components, manifest: Manifest) -> Manifest:
    """The manifest of the version that serves, which may not be the one from start-up."""
    return components.runtime.loaded(manifest.id).manifest if manifest.id in components.runtime.models else manifest


def _model_summary(components: Components, monitors: Monitors, manifest: Manifest) -> ModelSummary:
    manifest = _serving_manifest(components, manifest)
    record = components.store.record(manifest)
    loaded = manifest.id in components.runtime.models
    info = components.runtime.loaded(manifest.id).model_info if loaded else None
    return ModelSummary(
        id=manifest.id,
        version=manifest.version,
        task=manifest.task,
        description=manifest.description,
        license=manifest.license,
        state=components.store.state(manifest),
        loaded=loaded,
        device=components.runtime.device if loaded else None,
        backend=info.backend if info else None,
        precision=info.precision if info else None,
        sha256=record.graph_sha256 if record else None,
        shadow=monitors.versions.report(manifest.id),
    )


class KernelsQuery(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["json", "png"] = "json"
    show: Literal["kernels", "activations"] = Field(
        default="kernels", description="of a PNG: the kernels, or the most active ones with their inputs"
    )
    layer: str | None = Field(default=None, description="of a PNG: a layer's name as in the JSON; by default the first")


@router.get(
    "/{model}/kernels",
    dependencies=[requires("read-metrics")],
    response_model=KernelHealth,
    responses={
        200: {"content": {"image/png": {}}, "description": "Numbers for each layer, or a picture of one"},
        **problems(404, 501),
    },
)
async def kernels(
    components: ReadyComponents, monitors: ReadyMonitors, model: str, query: Annotated[KernelsQuery, Query()]
) -> Response:
    """Of each convolution layer: the range of activations, dead kernels, saturation, drift from the baseline.

    `format=png` draws the kernels of the first layer, or of the named one. With `show=activations` it draws the kernels
    that the built-in pictures activate most, each above the picture that does.
    """
    manifest = current_manifest(components, model)
    try:
        async with asyncio.timeout(components.settings.limits.request_seconds):
            if query.format == "json":
                return Response(
                    (await monitors.kernels.health(manifest)).model_dump_json(), media_type="application/json"
                )
            draw = monitors.kernels.kernels_png if query.show == "kernels" else monitors.kernels.activations_png
            return Response(await draw(manifest, query.layer), media_type="image/png")
    except TimeoutError:
        raise DeadlineExceeded("the inspection of kernels") from None
