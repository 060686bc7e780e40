"""The declaration of the pipeline "text"."""

from collections.abc import Iterator
from statistics import fmean

from pipelines.documents.spec import READING_TASKS
from pipelines.drift import Measurement
from pipelines.pipeline import Pipeline
from pipelines.pipeline_spec import AuditSummary, PipelineSpec
from pipelines.resources import PipelineResources
from pipelines.text.options import TextOptions
from pipelines.text.types import PictureText


async def _build(resources: PipelineResources) -> Pipeline[TextOptions, PictureText]:
    from pipelines.image.backdrop import VisibleRendering
    from pipelines.text.pipeline import TextPipeline

    return TextPipeline(resources.reader, resources.text_budgets, resources.pool, VisibleRendering(resources.pool))


def _scores(result: PictureText) -> list[float]:
    return [line.score for region in result.regions for line in region.lines]


def _summarise(result: PictureText) -> AuditSummary:
    """`confidence` is the mean score of the lines."""
    scores = _scores(result)
    fields = {
        "regions": len(result.regions),
        "lines": len(scores),
        "unread_lines": result.unread_lines,
        "confidence": round(fmean(scores), 6) if scores else None,
    }
    return lambda: fields


def _measure(result: PictureText) -> Iterator[Measurement]:
    """Not tracked for drift: most pictures have no text, and the models are tracked on documents."""
    scores = _scores(result)
    yield Measurement(counts={"lines": len(scores)}, scores=[("ocr", fmean(scores))] if scores else [])


TEXT = PipelineSpec(
    name="text",
    options=TextOptions,
    result=PictureText,
    build=_build,
    tasks=READING_TASKS,
    is_selectable=True,
    is_analysis=True,
    is_default=True,
    warm_up=TextOptions(),
    canary=TextOptions(),
    stages=frozenset({"look", "ocr", "second_reader", "arrange", "preprocess", "wait", "session", "postprocess"}),
    summarise=_summarise,
    measure=_measure,
)
