"""The declaration of the pipeline "objects"."""

from collections.abc import Iterator

from pipelines.drift import COUNT_EDGES, SCORE_EDGES, DriftSignal, Measurement, TrackedModels
from pipelines.objects.options import ObjectsOptions
from pipelines.objects.types import Objects
from pipelines.pipeline import Pipeline
from pipelines.pipeline_spec import AuditSummary, PipelineSpec
from pipelines.resources import PipelineResources

OBJECT_COUNT = DriftSignal("objects", COUNT_EDGES)
OBJECT_SCORE = DriftSignal("object", SCORE_EDGES)
TRACKED_OBJECTS = TrackedModels(("objects",), (OBJECT_COUNT, OBJECT_SCORE))


async def _build(resources: PipelineResources) -> Pipeline[ObjectsOptions, Objects]:
    from models.labels import load_label_set
    from pipelines.objects.calibration import CALIBRATION
    from pipelines.objects.detector import ObjectDetector
    from pipelines.objects.pipeline import ObjectsPipeline

    selected = resources.models["objects"]
    detector = ObjectDetector.of(selected, resources.used, resources.infer, resources.pool)
    labels = load_label_set(selected.manifests[0].labels or "")
    return ObjectsPipeline(detector, labels, CALIBRATION, resources.pool, resources.precision)


def _summarise(result: Objects) -> AuditSummary:
    """`listed` counts all objects of the reply, stated or not."""
    best = max((one.score for one in result.objects), default=None)
    fields = {
        "counts": result.counts,
        "listed": len(result.objects),
        "best_score": best,
        "detector": result.detector,
    }
    return lambda: fields


def _measure(result: Objects) -> Iterator[Measurement]:
    scores = [one.score for one in result.objects]
    best = [(OBJECT_SCORE, max(scores))] if scores else []
    count = sum(result.counts.values())
    yield Measurement(
        counts={"objects": count},
        scores=[("object", score) for score in scores],
        subject=TRACKED_OBJECTS,
        values=[(OBJECT_COUNT, count), *best],
    )


OBJECTS = PipelineSpec(
    name="objects",
    options=ObjectsOptions,
    result=Objects,
    build=_build,
    tasks=("objects",),
    is_selectable=True,
    is_analysis=True,
    is_default=True,
    may_be_absent=True,
    warm_up=ObjectsOptions(),
    canary=ObjectsOptions(),
    stages=frozenset({"preprocess", "wait", "session", "postprocess", "fuse", "count"}),
    summarise=_summarise,
    measure=_measure,
    tracked=(TRACKED_OBJECTS,),
)
