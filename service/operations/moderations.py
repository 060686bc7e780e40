"""The operation `moderations`: allow, review or block, for texts and images in OpenAI's form or for one image."""

import asyncio
from dataclasses import dataclass

from models.concurrency import gather_or_cancel
from pipelines.moderation.options import ModerationOptions
from service.components import Components
from service.operations.field_errors import parse_fields
from service.operations.json_request import load_image
from service.operations.openai_moderation import (
    ImagePart,
    InputPart,
    ModerationReply,
    ModerationRequest,
    ModerationResult,
    PartModeration,
)
from service.operations.operation import (
    ExecutionLimits,
    OperationReply,
    OperationRequest,
    run_engine,
)
from service.operations.policy_tenant import apply_key_tenant

MAX_CONCURRENT_PARTS = 4  # of one request: each part may be an image of the largest size, fetched from a URL


@dataclass(frozen=True, slots=True)
class ModerationInputs:
    """`items` are the parts of each result; None where the request's own image is all there is to moderate."""

    items: list[list[InputPart]] | None
    options: ModerationOptions

    @classmethod
    def of(cls, request: OperationRequest) -> "ModerationInputs":
        """Raises RequestRejected."""
        if request.image is not None:
            return cls(None, parse_fields(ModerationOptions, request.fields, where="options"))
        body = parse_fields(ModerationRequest, request.fields, where="body")
        return cls(body.items, parse_fields(ModerationOptions, body.model_extra or {}, where="options"))


async def run_moderations(
    components: Components, request: OperationRequest, inputs: ModerationInputs, limits: ExecutionLimits
) -> OperationReply:
    components.engine.pipeline("moderation")  # raises if it is not served: texts would be moderated all the same
    options = await apply_key_tenant(components, inputs.options)
    slots = asyncio.Semaphore(MAX_CONCURRENT_PARTS)

    async def moderate(part: InputPart) -> PartModeration:
        async with slots:
            return await _moderate_part(part, options, components, limits)

    if inputs.items is None:
        results = [[await _moderate_image(request.image, options, components, limits)]]
    else:
        results = await gather_or_cancel(
            *(gather_or_cancel(*(moderate(part) for part in parts)) for parts in inputs.items)
        )
    return OperationReply.of(ModerationReply.of([ModerationResult.of(parts) for parts in results]))


async def _moderate_part(
    part: InputPart, options: ModerationOptions, components: Components, limits: ExecutionLimits
) -> PartModeration:
    if isinstance(part, ImagePart):
        image = await load_image(part.image_url.url, components.pool, components.fetcher)
        return await _moderate_image(image, options, components, limits)
    return PartModeration.of_text(await components.texts.moderate(part.text, options, limits.priority))


async def _moderate_image(
    image: bytes | str | None, options: ModerationOptions, components: Components, limits: ExecutionLimits
) -> PartModeration:
    return PartModeration.of(await run_engine(components, image, {"moderation": options}, limits))
