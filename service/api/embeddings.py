"""POST /v1/embeddings: OpenAI's embeddings, for images."""

from fastapi import APIRouter, Request, Response

from service.api.answers import answered
from service.openai import OPENAI_PROBLEMS
from service.operations.embeddings import EmbeddingsReply, EmbeddingsRequest
from service.operations.table import EMBEDDINGS
from service.schemas import PIXEL_URL, json_body
from service.state import ReadyHouse

router = APIRouter(prefix="/v1", tags=["images"], responses=OPENAI_PROBLEMS)


@router.post("/embeddings", response_model=EmbeddingsReply, openapi_extra=json_body(EmbeddingsRequest, input=PIXEL_URL))
async def embeddings(request: Request, house: ReadyHouse) -> Response:
    """The encoder's embedding of each image, in OpenAI's form; `input` takes URLs and data URLs of images."""
    return await answered(request, house, EMBEDDINGS)
