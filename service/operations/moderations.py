"""Allow, review or block: texts and images in OpenAI's form, or one image."""

import asyncio
from dataclasses import dataclass

from models.concurrency import gather_or_cancel
from pipelines.moderation.options import ModerationOptions
from service.components import Components
from service.operations.openai_moderation import (
    ImagePart,
    Judged,
    ModerationReply,
    ModerationRequest,
    ModerationResult,
    Part,
)
from service.operations.operation import ExecutionLimits, Reply, run_engine
from service.operations.request import OperationRequest, image_at, parse_options

AT_ONCE = 4  # parts of one request in flight: each may be an image of the largest size, fetched from a URL


@dataclass(frozen=True, slots=True)
class Judging:
    """The parts of each result; None where the one image that was sent is all there is to judge."""

    items: list[list[Part]] | None
    options: ModerationOptions

    @classmethod
    def of(cls, ask: OperationRequest) -> "Judging":
        """Raises RequestRejected."""
        if ask.image is not None:
            return cls(None, parse_options(ModerationOptions, ask.fields, where="options"))
        asked = parse_options(ModerationRequest, ask.fields, where="body")
        return cls(asked.items, parse_options(ModerationOptions, asked.model_extra or {}, where="options"))


async def moderations(components: Components, ask: OperationRequest, judging: Judging, terms: ExecutionLimits) -> Reply:
    components.engine.pipeline("moderation")  # raises where it is not served: texts alone would be judged all the same
    slots = asyncio.Semaphore(AT_ONCE)

    async def judged(part: Part) -> Judged:
        async with slots:
            return await _of_part(part, judging.options, components, terms)

    if judging.items is None:
        results = [[await _of_image(ask.image, judging.options, components, terms)]]
    else:
        results = await gather_or_cancel(
            *(gather_or_cancel(*(judged(part) for part in parts)) for parts in judging.items)
        )
    return Reply.of(ModerationReply.of([ModerationResult.of(parts) for parts in results]))


async def _of_part(part: Part, options: ModerationOptions, components: Components, terms: ExecutionLimits) -> Judged:
    if isinstance(part, ImagePart):
        image = await image_at(part.image_url.url, components.pool, components.fetcher)
        return await _of_image(image, options, components, terms)
    return Judged.of_text(await components.texts.judge(part.text, options, terms.priority))


async def _of_image(
    image: bytes | str | None, options: ModerationOptions, components: Components, terms: ExecutionLimits
) -> Judged:
    return Judged.of(await run_engine(components, image, {"moderation": options}, terms))
