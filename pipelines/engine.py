"""The one way through the house: every client's image or document goes through `Engine.run`.

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

from models.concurrency import gather_or_cancel
from models.errors import DeadlineExceeded
from models.priority import Priority
from models.runtime.runtime import as_traffic
from models.runtime.session import Array
from pipelines import page_moderation
from pipelines.admission import Admission
from pipelines.captioning.encoder import ENCODED
from pipelines.cpu_pool import CpuPool, at_priority
from pipelines.documents.pages import DPI, first_page, opened_sheets
from pipelines.documents.pdf.client import Pdfium
from pipelines.errors import RequestRejected
from pipelines.findings import Findings, Observation, Observer, new_result_id
from pipelines.image.decode import Limits, Picture, decode
from pipelines.image.formats import sniff
from pipelines.pipeline import Gate, OpensPdf, Pipeline
from pipelines.run_context import Report, RunContext
from pipelines.types import ImageInfo, ModelUsed, as_declared

log = logging.getLogger(__name__)

Task = tuple[Pipeline[Any, Any], BaseModel]


class Engine:
    """Runs any set of pipelines over one decode. Without `pdfium`, PDFs are refused as no images.

    Of batch priority at most `bulk` images are being worked on, the others wait. `live` gives the version of a
    pipeline's model that would answer now: versions can change between two requests.
    """

    def __init__(
        self,
        pipelines: Iterable[Pipeline[Any, Any]],
        *,
        pool: CpuPool,
        limits: Limits,
        pdfium: Pdfium | None = None,
        bulk: int = 4,
        live: Callable[[ModelUsed], ModelUsed] = as_declared,
    ) -> None:
        self._pipelines = {pipeline.name: pipeline for pipeline in pipelines}
        self._pool, self._limits, self._pdfium = pool, limits, pdfium
        self._admission, self.live = Admission(bulk), live
        self._observers: list[Observer] = []

    def add_observer(self, observer: Observer) -> None:
        """Let it hear of every request that is answered from now on."""
        self._observers.append(observer)

    @property
    def pipelines(self) -> tuple[str, ...]:
        return tuple(self._pipelines)

    def pipeline(self, name: str) -> Pipeline[Any, Any]:
        """Raises RequestRejected."""
        if name not in self._pipelines:
            raise RequestRejected(f"no pipeline {name!r} here; there are: {', '.join(self._pipelines)}")
        return self._pipelines[name]

    async def warm(self, tasks: Mapping[str, BaseModel]) -> Findings:
        """Send a drawn picture through `tasks`, so that the first caller pays for nothing; raises as `run` does.

        What is found names the policy, the models and the versions that answer.
        """
        drawn = io.BytesIO()
        Image.linear_gradient("L").save(drawn, "JPEG")
        return await self.run(drawn.getvalue(), tasks, observed=False)

    async def run(
        self,
        data: bytes,
        tasks: Mapping[str, BaseModel],
        *,
        priority: Priority = "interactive",
        deadline: float | None = None,
        gate: bool = False,
        report: Report | None = None,
        observed: bool = True,
    ) -> Findings:
        """Look at one image. `tasks` maps pipelines to their options; `deadline` is in `time.monotonic` seconds.

        With `gate`, pipelines that can refuse an image (moderation) run first; where one does, the others
        never see the picture, and the findings name them as withheld. Of a PDF or TIFF they look at the first
        page, which is what the others see of it, and at every page that one of them reads. `report` gets each page
        of a document as soon as it and those before it are done. What is no traffic, as warming and canaries, is
        not `observed`: the models look themselves, whatever they saw before, and nobody hears of it.
        Raises RequestRejected, a kind of ImageRejected, Overloaded, DeadlineExceeded or InferenceFailed.
        """
        chosen = [(self.pipeline(name), options) for name, options in tasks.items()]
        context = RunContext(priority, deadline, fresh=not observed)
        if report is not None:
            context.report = report
        try:
            async with asyncio.timeout_at(deadline):
                async with self._admission.admitted(priority):
                    with at_priority(priority), as_traffic(observed), context.stage("total"):
                        picture, named = await self._look(data, chosen, context, gate=gate)
        except TimeoutError:
            raise DeadlineExceeded("the request") from None
        findings = Findings(
            result_id=new_result_id(),
            image=_info(picture),
            prompt=self._prompt(picture, named),
            models=self._models((task for task in chosen if task[0].name in named), context.ran),
            timings=context.timings,
            withheld=[name for name in tasks if name not in named] or None,
            **named,  # type: ignore[arg-type]  # each pipeline's name is the field of its result
        )
        if observed:
            self._tell(findings, picture, context)
        return findings

    def _tell(self, findings: Findings, picture: Picture, context: RunContext) -> None:
        """An observer that fails costs nobody an answer."""
        seen = Observation(findings, picture, _encoded(context), context.stages, context.priority)
        for observer in self._observers:
            try:
                observer(seen)
            except Exception:
                log.exception("bug in an observer of the engine")

    async def _look(
        self, data: bytes, chosen: Sequence[Task], context: RunContext, *, gate: bool
    ) -> tuple[Picture, dict[str, BaseModel]]:
        with context.stage("decode"):
            picture = await self._picture(data, chosen)
        first = [task for task in chosen if gate and isinstance(task[0], Gate)]
        named = await self._run_all(first, picture, context)
        for task in first:
            named[task[0].name] = await self._over_pages(task, named[task[0].name], picture, chosen, context)
        if all(gate.passes(named[gate.name]) for gate, _ in first if isinstance(gate, Gate)):
            named |= await self._run_all([task for task in chosen if task not in first], picture, context)
        return picture, {pipeline.name: named[pipeline.name] for pipeline, _ in chosen if pipeline.name in named}

    async def _picture(self, data: bytes, chosen: Sequence[Task]) -> Picture:
        """The image, or the first page of a PDF: drawn only where some pipeline looks at it."""
        if self._pdfium is None or sniff(data) != "PDF":
            return await self._pool.run(decode, data, limits=self._limits, shorter_side=_side(chosen))
        passwords = [pipeline.password(options) for pipeline, options in chosen if isinstance(pipeline, OpensPdf)]
        drawn = len(passwords) < len(chosen)
        return await first_page(data, self._pdfium, password=next(iter(passwords), None), drawn=drawn)

    async def _over_pages(
        self, task: Task, found: BaseModel, picture: Picture, chosen: Sequence[Task], context: RunContext
    ) -> BaseModel:
        """What a gate `found` on the first page and, if that passes, what it finds on all that will be read."""
        gate, options = task
        readers = [(pipeline, read) for pipeline, read in chosen if isinstance(pipeline, OpensPdf)]
        if self._pdfium is None or not readers or not isinstance(gate, Gate) or not gate.passes(found):
            return found
        further = gate.of_a_page(options)
        if further is None or picture.frames == 1:
            return found
        [(reader, read), *_] = readers
        own = RunContext(context.priority, context.deadline, fresh=context.fresh)
        opened = opened_sheets(
            picture,
            dpi=DPI,
            password=reader.password(read),
            pdfium=self._pdfium,
            pool=self._pool,
            limits=self._limits,
        )
        async with opened as sheets:
            more = await page_moderation.over(
                sheets,
                [number for number in reader.pages(read, sheets.count) if number > 1],
                # What is shared within a request is of its first page.
                lambda page: gate.run(page, further, replace(own, shared={})),
                lambda why: gate.unseen(further, why),
                shorter_side=gate.shorter_side(further),
            )
        context.take(gate.name, own)
        result: BaseModel = gate.over_pages({1: found} | more) if more else found
        return result

    async def _run_all(self, tasks: Sequence[Task], picture: Picture, context: RunContext) -> dict[str, BaseModel]:
        results = await gather_or_cancel(
            *(self._run(pipeline, picture, options, context) for pipeline, options in tasks)
        )
        return {pipeline.name: result for (pipeline, _), result in zip(tasks, results, strict=True)}

    async def _run(
        self, pipeline: Pipeline[Any, Any], picture: Picture, options: BaseModel, context: RunContext
    ) -> BaseModel:
        own = RunContext(
            context.priority, context.deadline, shared=context.shared, report=context.report, fresh=context.fresh
        )
        result: BaseModel = await pipeline.run(picture, options, own)
        context.take(pipeline.name, own)
        return result

    def _models(self, tasks: Iterable[Task], ran: Iterable[ModelUsed]) -> list[ModelUsed]:
        """All that `ran`, declared or not; of a model that had nothing to look at, the version that would have."""
        named = {used.id: used for pipeline, options in tasks for used in pipeline.models(options)}
        named |= {used.id: used for used in ran}
        answered = {id: [used for used in ran if used.id == id] for id in named}
        return [used for id, one in named.items() for used in answered[id] or [self.live(one)]]

    def _prompt(self, picture: Picture, results: Mapping[str, BaseModel]) -> str:
        info = _info(picture)
        kind, parts = ("Document", "pages") if info.format == "PDF" else ("Image", "frames")
        frames = f", first of {info.frames} {parts}" if info.frames > 1 else ""
        head = f"{kind}: {info.width} x {info.height} pixels, {info.orientation}, {info.format}{frames}."
        return "\n".join([head, *(self._pipelines[name].brief(result) for name, result in results.items())])


def _side(chosen: Sequence[Task]) -> int | None:
    """The shorter side that all can use; None: all the pixels there are."""
    sides = [pipeline.shorter_side(options) for pipeline, options in chosen]
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
        has_alpha=picture.has_alpha,
        bytes=len(picture.data),
        sha256=picture.sha256,
    )


def _encoded(context: RunContext) -> Mapping[str, Array] | None:
    """What the encoder gave to those of the request who asked for it."""
    work = context.shared.get(ENCODED)
    return None if work is None or work.cancelled() or work.exception() else work.result().outputs
