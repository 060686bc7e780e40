"""The declaration of the pipeline "sanitize"."""

from pipelines.image.sanitize_types import SanitizedImage, SanitizeOptions
from pipelines.pipeline import Pipeline
from pipelines.pipeline_spec import PipelineSpec
from pipelines.resources import PipelineResources


async def _build(resources: PipelineResources) -> Pipeline[SanitizeOptions, SanitizedImage]:
    from pipelines.image.sanitize import SanitizePipeline

    return SanitizePipeline(resources.document_limits.image, resources.pool, resources.decoders)


SANITIZE = PipelineSpec(
    name="sanitize",
    options=SanitizeOptions,
    result=SanitizedImage,
    build=_build,
    stages=frozenset({"render", "encode"}),
)
