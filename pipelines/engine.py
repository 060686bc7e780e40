"""Runs pipelines over one decoded upload: REST, workers, bulk runs and the command line all call `Engine.run`.

bytes ─► decode once ─► moderation ─► features ─┐
                        (the gate)   └► faces … ├─► Findings, with a prompt for a language model
"""

import asyncio
import io
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from PIL import Image
from pydantic import BaseModel

from models.arrays import Array
from models.concurrency import gather_or_cancel
from models.errors import DeadlineExceeded
from models.priority import Priority
from models.runtime.traffic import as_traffic
from pipelines.admission import Admission
from pipelines.allocator import give_back_free_blocks
from pipelines.captioning.encoder import SHARED_PASS
from pipelines.counting import DEFAULT_PRECISION
from pipelines.cpu_pool import CpuPool, at_priority
from pipelines.documents.pages import (
    PdfOpener,
    estimate_first_page_bytes,
    read_first_page,
)
from pipelines.errors import PipelineUnavailable, RequestRejected
from pipelines.findings import Findings, Observation, Observer, new_result_id
from pipelines.image.decode import ImageLimits, Picture
from pipelines.image.decode_cost import QUICK_FORMATS, count_picture_bytes, estimate_decode_bytes
from pipelines.image.decoders import DecoderLimits, Decoders
from pipelines.image.formats import sniff
from pipelines.image.frame_reader import FrameReader
from pipelines.page_moderation import DEFAULT_PAGES, PageJudge, find_reading
from pipelines.pipeline import GatePipeline, PdfReadingPipeline, Pipeline
from pipelines.pixel_budget import PixelBudget
from pipelines.prompt import PromptContext, PromptStyle, write_prompt
from pipelines.run_context import PartListener, RunContext
from pipelines.types import ImageInfo, ModelUsed, keep_declared

log = logging.getLogger(__name__)

PipelineRun = tuple[Pipeline[Any, Any], BaseModel]  # a pipeline and its options

_LARGE_BYTES = 256 * 2**20  # from which on a picture should not lie beside what threads keep of earlier ones


class Engine:
    """Runs any set of pipelines over one decode. Without `pdfium`, PDFs are refused as unsupported images; without
    `decoders`, all images are decoded in the threads of `pool`; without `frames`, of animations the first one is seen.

    At most `bulk` images and pages of batch priority are in flight, and their pixels have room in `budget`; further
    ones wait. `current_version` maps a pipeline's
    model to the version that serves it now, because a promotion can happen between two requests. `absent` has the
    pipelines that would be served if their models were in the store, and why they are not.
    """

    def __init__(
        self,
        pipelines: Iterable[Pipeline[Any, Any]],
        *,
        pool: CpuPool,
        limits: ImageLimits,
        decoders: Decoders | None = None,
        pdfium: PdfOpener | None = None,
        bulk: int = 4,
        budget: PixelBudget | None = None,
        current_version: Callable[[ModelUsed], ModelUsed] = keep_declared,
        absent: Mapping[str, str] | None = None,
        precision: float = DEFAULT_PRECISION,
        moderated_pages: int = DEFAULT_PAGES,
        frames: FrameReader | None = None,
    ) -> None:
        self._pipelines = {pipeline.name: pipeline for pipeline in pipelines}
        self._decoders = decoders or Decoders(pool, DecoderLimits(formats=()))
        self._pool, self._limits, self._pdfium = pool, limits, pdfium
        self._frames = frames
        self._pages = PageJudge(self._pool, limits, self._decoders, pdfium, moderated_pages)
        self._admission, self.current_version = Admission(bulk, budget), current_version
        self._observers: list[Observer] = []
        self._absent = absent or {}
        self._precision = precision

    def add_observer(self, observer: Observer) -> None:
        """Call `observer` for every request that is answered from now on."""
        self._observers.append(observer)

    @property
    def pipelines(self) -> tuple[str, ...]:
        return tuple(self._pipelines)

    def pipeline(self, name: str) -> Pipeline[Any, Any]:
        """Raises RequestRejected or PipelineUnavailable."""
        if name in self._absent:
            raise PipelineUnavailable(name, self._absent[name])
        if name not in self._pipelines:
            raise RequestRejected(f"no pipeline {name!r} here; there are: {', '.join(self._pipelines)}")
        return self._pipelines[name]

    async def warm(self, options: Mapping[str, BaseModel]) -> Findings:
        """Run the pipelines once over a drawn image, so that the first caller does not pay for it.

        The findings name the policy, the models and the versions in use. Raises as `run` does.
        """
        gradient = io.BytesIO()
        Image.linear_gradient("L").save(gradient, "JPEG")
        return await self.run(gradient.getvalue(), options, observed=False)

    async def run(
        self,
        data: bytes,
        options: Mapping[str, BaseModel],
        *,
        priority: Priority = "interactive",
        deadline: float | None = None,
        gate: bool = False,
        on_page: PartListener | None = None,
        caller: str = "",
        prompt_style: PromptStyle = "short",
        observed: bool = True,
    ) -> Findings:
        """Analyse one upload. `options` maps pipeline names to their options; `deadline` is `time.monotonic` seconds.

        With `gate`, pipelines that can refuse an image (moderation) run first. Where one refuses, the others never
        see the picture, and the findings list them as withheld. Of a PDF or TIFF the gate judges the first page, which
        is what image pipelines see, and every page that a document pipeline reads; of a PDF that nobody reads, some.
        `on_page` gets each page of a document as soon as it and all pages before it are done. Pages wait in turns with
        those of other callers; those without a name are one `caller`. Runs that are no traffic (warm-up, canaries) are
        not `observed`: caches of earlier requests are bypassed, and observers are not called.
        Raises RequestRejected, PipelineUnavailable, a kind of ImageRejected, Overloaded, DeadlineExceeded or
        InferenceFailed.
        """
        runs = [(self.pipeline(name), chosen) for name, chosen in options.items()]
        try:
            async with asyncio.timeout_at(deadline):
                with at_priority(priority), as_traffic(observed):
                    cost = await self._estimate_bytes(data, runs)
                    async with self._admission.admit(priority, cost, caller=caller) as admitted:
                        if cost >= _LARGE_BYTES:
                            await self._pool.run(give_back_free_blocks)
                        context = RunContext(priority, deadline, fresh=not observed, admitted=admitted)
                        context.on_part = on_page or context.on_part
                        with context.stage("total"):
                            picture, results = await self._decode_and_run(data, runs, context, gate=gate)
        except TimeoutError:
            raise DeadlineExceeded("the request") from None
        image = _info(picture)
        findings = Findings(
            result_id=new_result_id(),
            image=image,
            prompt=write_prompt(PromptContext(image, results, prompt_style, self._precision), self._pipelines),
            models=self._models((run for run in runs if run[0].name in results), context.models_run),
            timings=context.timings,
            withheld=[name for name in options if name not in results] or None,
            results=results,
        )
        if observed:
            self._notify(findings, picture, context)
        return findings

    def _notify(self, findings: Findings, picture: Picture, context: RunContext) -> None:
        """An observer that fails must not cost a caller the answer."""
        observation = Observation(findings, picture, _encoder_outputs(context), context.stages, context.priority)
        for observer in self._observers:
            try:
                observer(observation)
            except Exception:
                log.exception("an observer of the engine failed")

    async def _decode_and_run(
        self, data: bytes, runs: Sequence[PipelineRun], context: RunContext, *, gate: bool
    ) -> tuple[Picture, dict[str, BaseModel]]:
        with context.stage("decode"):
            picture = await self._decode(data, runs)
        context.admitted.shrink(count_picture_bytes(picture))
        judges = [(pipeline, chosen) for pipeline, chosen in runs if isinstance(pipeline, GatePipeline)]
        gates = judges if gate else []
        # Without a gate nobody waits for the verdict, so that pages are not judged because they are read.
        reading = find_reading(runs) if gate else None
        if reading is not None and picture.format == "TIFF":
            picture = replace(picture, survey=None)  # all pages that are read are judged
        results = await self._run_all([run for run in runs if run in gates], picture, context)
        for run in gates:
            results[run[0].name] = await self._pages.judge(*run, results[run[0].name], picture, reading, context)
        if all(pipeline.passes(results[pipeline.name]) for pipeline, _ in gates):
            results |= await self._run_all([run for run in runs if run not in gates], picture, context)
        for run in judges if not gate else []:
            results[run[0].name] = await self._pages.judge(*run, results[run[0].name], picture, reading, context)
        return picture, {pipeline.name: results[pipeline.name] for pipeline, _ in runs if pipeline.name in results}

    async def _decode(self, data: bytes, runs: Sequence[PipelineRun]) -> Picture:
        """The image, the frame of an animation that tells most, or the first page of a PDF, which is rendered only
        where some pipeline looks at it.
        """
        if self._pdfium is None or sniff(data) != "PDF":
            side = _shorter_side(runs)
            first = await self._decoders.decode(data, limits=self._limits, shorter_side=side)
            is_judged = any(isinstance(pipeline, GatePipeline) for pipeline, _ in runs)
            return first if self._frames is None else await self._frames.choose(first, side, is_judged=is_judged)
        password, is_seen = _pdf_reading(runs)
        return await read_first_page(data, self._pdfium, password=password, render=is_seen)

    async def _estimate_bytes(self, data: bytes, runs: Sequence[PipelineRun]) -> int:
        """Memory that `_decode` takes."""
        format, limits, side = sniff(data), self._limits, _shorter_side(runs)
        if self._pdfium is not None and format == "PDF":
            password, is_seen = _pdf_reading(runs)
            return await estimate_first_page_bytes(data, self._pdfium, password=password) if is_seen else 0
        if format in QUICK_FORMATS:
            return estimate_decode_bytes(data, limits=limits, shorter_side=side)
        return await self._pool.run(estimate_decode_bytes, data, limits=limits, shorter_side=side)

    async def _run_all(
        self, runs: Sequence[PipelineRun], picture: Picture, context: RunContext
    ) -> dict[str, BaseModel]:
        results = await gather_or_cancel(
            *(self._run(pipeline, picture, options, context) for pipeline, options in runs)
        )
        return {pipeline.name: result for (pipeline, _), result in zip(runs, results, strict=True)}

    async def _run(
        self, pipeline: Pipeline[Any, Any], picture: Picture, options: BaseModel, context: RunContext
    ) -> BaseModel:
        own = RunContext(
            context.priority,
            context.deadline,
            shared=context.shared,
            on_part=context.on_part,
            fresh=context.fresh,
            admitted=context.admitted,
        )
        result: BaseModel = await pipeline.run(picture, options, own)
        context.merge_stages(pipeline.name, own)
        return result

    def _models(self, runs: Iterable[PipelineRun], models_run: Iterable[ModelUsed]) -> list[ModelUsed]:
        """All models that ran, declared or not; of a declared model that had nothing to do, its current version."""
        declared = {used.id: used for pipeline, options in runs for used in pipeline.models(options)}
        declared |= {used.id: used for used in models_run}
        versions = {id: [used for used in models_run if used.id == id] for id in declared}
        return [used for id, one in declared.items() for used in versions[id] or [self.current_version(one)]]


def _pdf_reading(runs: Sequence[PipelineRun]) -> tuple[str | None, bool]:
    """The password for a PDF, and whether any pipeline looks at the first page's pixels."""
    passwords = [pipeline.password(options) for pipeline, options in runs if isinstance(pipeline, PdfReadingPipeline)]
    return next(iter(passwords), None), len(passwords) < len(runs)


def _shorter_side(runs: Sequence[PipelineRun]) -> int | None:
    """The smallest shorter side that satisfies every pipeline; None for full resolution."""
    sides = [pipeline.shorter_side(options) for pipeline, options in runs]
    return None if None in sides else max((one for one in sides if one is not None), default=None)


def _info(picture: Picture) -> ImageInfo:
    ratio = picture.width / picture.height
    return ImageInfo(
        width=picture.width,
        height=picture.height,
        format=picture.format,
        mode=picture.mode,
        orientation="square" if 0.95 <= ratio <= 1.05 else "landscape" if ratio > 1 else "portrait",
        exif_orientation=picture.orientation,
        frames=picture.frames,
        frame=picture.frame + 1,
        has_alpha=picture.has_alpha,
        profile=picture.profile,
        bytes=len(picture.data),
        sha256=picture.sha256,
    )


def _encoder_outputs(context: RunContext) -> Mapping[str, Array] | None:
    """The encoder's outputs for this request, where a pipeline asked for them."""
    work = context.shared.get(SHARED_PASS)
    return None if work is None or work.cancelled() or work.exception() else work.result().outputs
