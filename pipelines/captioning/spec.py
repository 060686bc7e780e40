"""The declaration of the pipeline "features"."""

from collections.abc import Mapping
from typing import Any

from pipelines.captioning.options import FeaturesOptions
from pipelines.pipeline import Pipeline
from pipelines.pipeline_spec import AuditSummary, PipelineSpec
from pipelines.resources import PipelineResources
from pipelines.types import Features


async def _build(resources: PipelineResources) -> Pipeline[FeaturesOptions, Features]:
    from pipelines.captioning.kinds.head import find_head
    from pipelines.captioning.pipeline import CaptioningPipeline

    kinds = find_head(resources.encoder.manifest)
    return CaptioningPipeline(resources.encoder, resources.pool, kinds, resources.clip, resources.zero_shot)


def _summarise(result: Features) -> AuditSummary:
    tags, groups, kind = result.tags, result.groups, result.kind  # without embedding and grid, which are large

    def summary() -> Mapping[str, Any]:
        return {
            "tags": [{"label": one.label, "group": one.group, "score": one.score} for one in tags],
            "groups": groups,
            "kind": None if kind is None else {"name": kind.name, "score": kind.score},
        }

    return summary


FEATURES = PipelineSpec(
    name="features",
    options=FeaturesOptions,
    result=Features,
    build=_build,
    tasks=("encoder",),
    companions=("explain",),
    is_selectable=True,
    is_analysis=True,
    is_default=True,
    warm_up=FeaturesOptions(),
    canary=FeaturesOptions(embedding="none", labels="encoder"),  # golden sets name the encoder's classes
    stages=frozenset({"preprocess", "wait", "session", "clip.preprocess", "clip.wait", "clip.session", "postprocess"}),
    summarise=_summarise,
)
