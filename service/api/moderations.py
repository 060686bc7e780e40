"""POST /v1/moderations: OpenAI's route, so that its clients work unchanged, and a form for one image."""

import asyncio
from time import monotonic
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from models.together import together
from pipelines.moderation.options import ModerationOptions
from service.composition import House
from service.intake import content_type, image_at, parse_json, parse_options, read_upload, unless_gone
from service.openai import ErrorReply, ImagePart, Judged, ModerationReply, ModerationRequest, ModerationResult, Part
from service.schemas import PROBLEMS, moderation_body
from service.state import ReadyHouse

AT_ONCE = 4  # parts of one request in flight: each may be an image of the largest size, fetched from a URL

router = APIRouter(
    prefix="/v1",
    tags=["moderation"],
    responses={
        status: {"model": ErrorReply, "description": problem["description"]} for status, problem in PROBLEMS.items()
    },
)


@router.post("/moderations", response_model=ModerationReply, openapi_extra=moderation_body(ModerationRequest))
async def moderations(request: Request, house: ReadyHouse, query: Annotated[ModerationOptions, Query()]) -> Response:
    """Allow, review or block: texts and images in OpenAI's form, or one image as the form field `file`.

    Options go into the query, or beside `input` in the body (`extra_body` in OpenAI's client); the body wins.
    """
    given = query.model_dump(include=query.model_fields_set)
    if content_type(request) == "application/json":
        body = await house.pool.run(parse_json, await request.body())
        asked = parse_options(ModerationRequest, body, where="body")
        options = parse_options(ModerationOptions, given | (asked.model_extra or {}), where="options")
        slots = asyncio.Semaphore(AT_ONCE)
        work = together(*(_of_parts(parts, options, request, house, slots) for parts in asked.items))
    else:
        upload = await read_upload(request, house.pool, house.fetcher)
        options = parse_options(ModerationOptions, given | upload.fields, where="options")
        work = together(_of_image(upload.image, options, request, house))
    results = [ModerationResult.of(parts) for parts in await unless_gone(request, work)]
    return Response(ModerationReply.of(results).model_dump_json(exclude_none=True), media_type="application/json")


async def _of_parts(
    parts: list[Part], options: ModerationOptions, request: Request, house: House, slots: asyncio.Semaphore
) -> list[Judged]:
    """One answer for each of the parts that make up one result."""

    async def one(part: Part) -> Judged:
        async with slots:
            return await _of_part(part, options, request, house)

    return await together(*(one(part) for part in parts))


async def _of_part(part: Part, options: ModerationOptions, request: Request, house: House) -> Judged:
    if isinstance(part, ImagePart):
        image = await image_at(part.image_url.url, house.pool, house.fetcher)
        [judged] = await _of_image(image, options, request, house)
        return judged
    return Judged.model_construct(**dict(await house.moderation.judge_text(part.text, options)))


async def _of_image(image: bytes, options: ModerationOptions, request: Request, house: House) -> list[Judged]:
    deadline = monotonic() + house.settings.request_seconds
    findings = await house.engine.run(image, {"moderation": options}, deadline=deadline)
    request.app.state.metrics.observe_timings(findings.timings)
    return [Judged.of(findings)]
