"""The declaration of the pipeline "explain"."""

from pipelines.explain.options import ExplainOptions
from pipelines.explain.types import ExplainResult
from pipelines.pipeline import Pipeline
from pipelines.pipeline_spec import PipelineSpec
from pipelines.resources import PipelineResources


async def _build(resources: PipelineResources) -> Pipeline[ExplainOptions, ExplainResult]:
    from pipelines.explain.pipeline import ExplainPipeline

    return ExplainPipeline(resources.encoder, await resources.load_explainers(resources.encoder.manifest))


EXPLAIN = PipelineSpec(
    name="explain",
    options=ExplainOptions,
    result=ExplainResult,
    build=_build,
    tasks=("encoder",),
    is_analysis=True,
    stages=frozenset({"preprocess", "wait", "session", "postprocess"}),
)
