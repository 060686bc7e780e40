"""Runs moderation over the pages of a PDF or TIFF: over all that will be read, or over some of a PDF's.

Frames of animations, and pages of a TIFF that nobody reads, are moderation's own: see `moderation/frames.py`.
"""

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from models.concurrency import ordered_map
from pipelines.admission import AdmittedRequest
from pipelines.cpu_pool import CpuPool
from pipelines.documents.pages import DEFAULT_DPI, PageSource, PdfOpener, open_page_source
from pipelines.errors import ImageRejected
from pipelines.image.decode import ImageLimits, Picture
from pipelines.image.decoders import Decoders
from pipelines.pipeline import GatePipeline, PdfReadingPipeline
from pipelines.run_context import RunContext

PAGES_IN_FLIGHT = 4  # rendered pages in memory
DEFAULT_PAGES = 4  # of a PDF that nobody reads

PageNumbers = Callable[[int], list[int]]  # the pages that are read, of so many


@dataclass(frozen=True, slots=True)
class PageReading:
    """A request's reading of documents: the password that it gives, and the pages that it asks for."""

    password: str | None
    numbers: PageNumbers


def find_reading(runs: Iterable[tuple[Any, Any]]) -> PageReading | None:
    """The reading of the first pipeline that reads documents, with its options."""
    for pipeline, options in runs:
        if isinstance(pipeline, PdfReadingPipeline):
            return PageReading(pipeline.password(options), partial(pipeline.pages, options))
    return None


def spread_pages(count: int, most: int) -> list[int]:
    """At most `most` of the pages 1 to `count`: the first, the last, and others at equal distances."""
    if count <= most:
        return list(range(1, count + 1))
    return [1 + round(place * (count - 1) / max(1, most - 1)) for place in range(most)]


@dataclass(frozen=True)
class PageJudge:
    """Judges the pages after the first. Without `pdfium` there are none: PDFs are refused then."""

    pool: CpuPool
    limits: ImageLimits
    decoders: Decoders
    pdfium: PdfOpener | None
    most: int

    async def judge(
        self,
        gate: GatePipeline,
        options: Any,
        first: Any,
        picture: Picture,
        reading: PageReading | None,
        context: RunContext,
    ) -> Any:
        """The result over all pages that are read, or else over some of a PDF's; `first` where nothing further is to
        be judged. Raises what reading pages raises.
        """
        page_options = gate.options_for_page(options)
        has_pages = picture.frames > 1 and (picture.format == "PDF" or reading is not None)
        if self.pdfium is None or page_options is None or not has_pages or not gate.passes(first):
            return first
        own = RunContext("batch", context.deadline, fresh=context.fresh, admitted=context.admitted)
        pages = open_page_source(
            picture,
            dpi=DEFAULT_DPI,
            password=reading.password if reading else None,
            pdfium=self.pdfium,
            decoders=self.decoders,
            limits=self.limits,
            pool=self.pool,
        )
        async with pages as source:
            count = source.page_count
            numbers = reading.numbers(count) if reading else spread_pages(count, self.most)
            context.admitted.give_way()
            further = await moderate_pages(
                source,
                context.admitted,
                [number for number in numbers if number > 1],
                # The request's shared work belongs to the first page.
                lambda page: gate.run(page, page_options, replace(own, shared={})),
                lambda why: gate.result_for_unseen_page(page_options, why),
                shorter_side=gate.shorter_side(page_options),
            )
        context.merge_stages(gate.name, own)
        return await gate.merge_pages(page_options, {1: first} | further, count) if further else first


async def moderate_pages(
    source: PageSource,
    admitted: AdmittedRequest,
    numbers: Sequence[int],
    moderate: Callable[[Picture], Awaitable[Any]],
    result_for_unseen_page: Callable[[str], Awaitable[Any]],
    *,
    shorter_side: int | None,
) -> dict[int, Any]:
    """The result of `moderate` for each page by its number; raises what the callbacks raise.

    `result_for_unseen_page` gets the reason why a page could not be rendered. `shorter_side` is the least that a
    page's shorter side needs, in pixels; None for full resolution.
    """

    async def moderate_page(number: int) -> Any:
        async with admitted.admit_page(await source.page_bytes(number)):
            return await moderate_admitted(number)

    async def moderate_admitted(number: int) -> Any:
        try:
            page = await source.read_picture(number, shorter_side)
        except ImageRejected as error:
            return await result_for_unseen_page(str(error))
        # The caches that are keyed by sha256 must not take it for the first page.
        return await moderate(
            replace(page, frames=1, sha256=hashlib.sha256(f"{page.sha256}, page {number}".encode()).hexdigest())
        )

    async with aclosing(ordered_map(numbers, moderate_page, PAGES_IN_FLIGHT)) as results:
        return dict(zip(numbers, [one async for one in results], strict=True))
