"""POST /v1/moderations: OpenAI's moderation, for texts and images."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from pipelines.moderation.options import ModerationOptions
from service.api.answers import answered
from service.openai import OPENAI_PROBLEMS, ModerationReply, ModerationRequest
from service.operations.table import MODERATIONS
from service.schemas import moderation_body
from service.state import ReadyHouse

router = APIRouter(prefix="/v1", tags=["moderation"], responses=OPENAI_PROBLEMS)


@router.post("/moderations", response_model=ModerationReply, openapi_extra=moderation_body(ModerationRequest))
async def moderations(request: Request, house: ReadyHouse, query: Annotated[ModerationOptions, Query()]) -> Response:
    """Allow, review or block: texts and images in OpenAI's form, or one image as the form field `file`.

    Options go into the query, or beside `input` in the body (`extra_body` in OpenAI's client); the body wins.
    """
    return await answered(request, house, MODERATIONS, query)
