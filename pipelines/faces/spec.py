"""The declarations of the pipelines "faces" and "avatar"."""

from collections.abc import Iterator

from pipelines.drift import COUNT_EDGES, SCORE_EDGES, DriftSignal, Measurement, TrackedModels
from pipelines.faces.options import AvatarOptions, FacesOptions
from pipelines.faces.types import Avatar, Faces
from pipelines.pipeline import Pipeline
from pipelines.pipeline_spec import AuditSummary, PipelineSpec
from pipelines.resources import PipelineResources

FACE_COUNT = DriftSignal("faces", COUNT_EDGES)
FACE_SCORE = DriftSignal("face", SCORE_EDGES)
TRACKED_FACES = TrackedModels(("faces",), (FACE_COUNT, FACE_SCORE))

_STAGES = frozenset({"detect", "filling", "turned", "measure", "preprocess", "wait", "session", "postprocess"})


async def _build_faces(resources: PipelineResources) -> Pipeline[FacesOptions, Faces]:
    from pipelines.faces.factory import build_face_finder
    from pipelines.faces.pipeline import FacesPipeline

    return FacesPipeline(build_face_finder(resources))


async def _build_avatar(resources: PipelineResources) -> Pipeline[AvatarOptions, Avatar]:
    from pipelines.faces.factory import build_face_finder
    from pipelines.faces.pipeline import AvatarPipeline

    return AvatarPipeline(build_face_finder(resources), resources.pool)


def _summarise(result: Faces) -> AuditSummary:
    """`candidates` counts all that were found, faces or not."""
    best = max((one.score for one in result.faces), default=None)
    fields = {
        "count": result.count,
        "candidates": len(result.faces),
        "best_score": best,
        "detector": result.detector,
    }
    return lambda: fields


def _measure(result: Faces) -> Iterator[Measurement]:
    scores = [face.score for face in result.faces if face.is_face]
    best = [(FACE_SCORE, max(scores))] if scores else []
    yield Measurement(
        counts={"faces": result.count},
        scores=[("face", score) for score in scores],
        subject=TRACKED_FACES,
        values=[(FACE_COUNT, result.count), *best],
    )


FACES = PipelineSpec(
    name="faces",
    options=FacesOptions,
    result=Faces,
    build=_build_faces,
    tasks=("faces",),
    companions=("avatar",),
    is_selectable=True,
    is_analysis=True,
    is_default=True,
    warm_up=FacesOptions(),
    canary=FacesOptions(),
    stages=_STAGES,
    summarise=_summarise,
    measure=_measure,
    tracked=(TRACKED_FACES,),
)

AVATAR = PipelineSpec(
    name="avatar",
    options=AvatarOptions,
    result=Avatar,
    build=_build_avatar,
    tasks=("faces",),
    stages=_STAGES | {"render", "encode"},
)
