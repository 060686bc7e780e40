"""The declaration of the pipeline "document"."""

from collections.abc import Iterator, Mapping
from statistics import fmean
from typing import Any

from pipelines.documents.options import DocumentsOptions
from pipelines.documents.types import Document, Page
from pipelines.drift import COUNT_EDGES, SCORE_EDGES, DriftSignal, Measurement, TrackedModels
from pipelines.pipeline import Pipeline
from pipelines.pipeline_spec import AuditSummary, PipelineSpec
from pipelines.resources import PipelineResources

READING_TASKS = ("text-detection", "text-recognition", "text-orientation")

LINE_COUNT = DriftSignal("lines", COUNT_EDGES)
OCR_SCORE = DriftSignal("ocr", SCORE_EDGES)
LAYOUT_SCORE = DriftSignal("layout", SCORE_EDGES)
TRACKED_TEXT = TrackedModels(("text-recognition", "text-detection", "text-orientation"), (LINE_COUNT, OCR_SCORE))
TRACKED_LAYOUT = TrackedModels(("layout",), (LAYOUT_SCORE,))


async def _build(resources: PipelineResources) -> Pipeline[DocumentsOptions, Document]:
    from pipelines.documents.layout import PicoDetLayout
    from pipelines.documents.pipeline import DocumentsPipeline
    from pipelines.documents.structure.assemble import assemble_regions

    [manifest] = resources.models["layout"].manifests
    used = resources.used(manifest)
    return DocumentsPipeline(
        resources.reader,
        PicoDetLayout(manifest, used, resources.infer, resources.pool),
        assemble_regions,
        resources.pdfium,
        resources.decoders,
        resources.pool,
        resources.document_limits,
        (used, *resources.reader.models),
    )


def _summarise(result: Document) -> AuditSummary:
    """`confidence` is the mean score of the lines that were read from pixels."""
    pages = [(page.source, page.error, page.regions, len(page.tables)) for page in result.pages]  # without pictures
    page_count = result.page_count

    def summary() -> Mapping[str, Any]:
        lines = [(source, line.score) for source, _, regions, _ in pages for one in regions for line in one.lines]
        ocr_scores = [score for source, score in lines if source == "ocr"]
        return {
            "page_count": page_count,
            "pages": len(pages),
            "failed": sum(error is not None for _, error, _, _ in pages),
            "lines": len(lines),
            "tables": sum(tables for _, _, _, tables in pages),
            "confidence": round(fmean(ocr_scores), 6) if ocr_scores else None,
        }

    return summary


def _measure(result: Document) -> Iterator[Measurement]:
    yield Measurement(counts={"pages": len(result.pages)})
    for page in result.pages:
        if page.error is None:
            yield from _measure_page(page)


def _measure_page(page: Page) -> Iterator[Measurement]:
    """A page counts with its mean scores: lines read under the same conditions are not independent."""
    line_scores = [line.score for region in page.regions for line in region.lines]
    region_scores = [region.score for region in page.regions]
    scores = [("ocr", fmean(line_scores))] if line_scores and page.source == "ocr" else []
    yield Measurement(
        counts={"lines": len(line_scores)},
        scores=scores,
        subject=TRACKED_TEXT,
        values=[(LINE_COUNT, len(line_scores)), *((OCR_SCORE, score) for _, score in scores)],
    )
    if region_scores:
        layout = fmean(region_scores)
        yield Measurement(scores=[("layout", layout)], subject=TRACKED_LAYOUT, values=[(LAYOUT_SCORE, layout)])


DOCUMENT = PipelineSpec(
    name="document",
    options=DocumentsOptions,
    result=Document,
    build=_build,
    tasks=("layout", *READING_TASKS),
    is_selectable=True,
    is_analysis=True,
    canary=DocumentsOptions(),
    stages=frozenset(
        {"draw", "text_layer", "ocr", "second_reader", "layout", "arrange"}
        | {"preprocess", "wait", "session", "postprocess"}
    ),
    summarise=_summarise,
    measure=_measure,
    tracked=(TRACKED_TEXT, TRACKED_LAYOUT),
)
