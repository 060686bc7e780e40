"""The operation `embeddings`: OpenAI's embeddings request and response, with images as inputs.

https://platform.openai.com/docs/api-reference/embeddings
"""

import asyncio
import base64
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from models.concurrency import gather_or_cancel
from pipelines.captioning.spec import FEATURES
from pipelines.errors import RequestRejected
from pipelines.findings import Findings
from pipelines.moderation.categories.custom_categories import EMBEDDING_OPTIONS
from pipelines.types import ImageInfo, ModelUsed
from service.components import Components
from service.operations.field_errors import parse_fields
from service.operations.json_request import load_image
from service.operations.openai_moderation import INPUT_COUNT, ImagePart, NonEmptyText
from service.operations.operation import (
    ExecutionLimits,
    OperationReply,
    OperationRequest,
    run_engine,
)

MAX_CONCURRENT_IMAGES = 8  # of one request
_SCHEMES = ("data:", "http://", "https://")


class JinaImage(BaseModel):
    """An image as Jina's embedding service writes it."""

    image: str


def _input_kind(given: Any) -> str | None:
    """Which of the forms an input has, so that an error is about that one."""
    if isinstance(given, str):
        return "url"
    if not isinstance(given, dict):
        return None
    return "image" if "image" in given else "part"


EmbeddingInput = Annotated[
    Annotated[str, Tag("url")] | Annotated[ImagePart, Tag("part")] | Annotated[JinaImage, Tag("image")],
    Discriminator(
        _input_kind,
        custom_error_type="input_kind",
        custom_error_message="Input should be a URL, an image_url part, or an object with an image",
    ),
]


class EmbeddingsRequest(BaseModel):
    """`input` is one image or several: a data URL or http(s) URL, alone, as an `image_url` part or under `image`.

    `model` and `user` are accepted and ignored: the reply names the encoder.
    """

    model_config = ConfigDict(extra="forbid")

    input: (
        Annotated[NonEmptyText, Tag("url")] | Annotated[list[EmbeddingInput], Field(min_length=1), Tag("several")]
    ) = Field(
        description=f"http(s) URLs or data URLs of images, {INPUT_COUNT}",
        discriminator=Discriminator(
            lambda given: "url" if isinstance(given, str) else "several" if isinstance(given, list) else None,
            custom_error_type="input_kind",
            custom_error_message="Input should be an image or several",
        ),
    )
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(default=None, description="only the encoder's own number; embeddings are not cut")
    model: str | None = None
    user: str | None = None

    @property
    def urls(self) -> list[str]:
        given = [self.input] if isinstance(self.input, str) else self.input
        return [_url_of(one) for one in given]


class EmbeddingItem(BaseModel):
    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str = Field(description="L2-normalised; base64 of little-endian float32 if requested")


class EmbeddingUsage(BaseModel):
    """Images are not counted in tokens."""

    prompt_tokens: int = 0
    total_tokens: int = 0


class ResultOrigin(BaseModel):
    """Beside OpenAI's fields, for each input in their order: the image and the models that embedded it."""

    result_id: str
    image: ImageInfo
    models: list[ModelUsed]
    timings: dict[str, float]

    @classmethod
    def of(cls, findings: Findings) -> "ResultOrigin":
        return cls.model_construct(**{name: getattr(findings, name) for name in cls.model_fields})


class EmbeddingsReply(BaseModel):
    object: Literal["list"] = "list"
    data: list[EmbeddingItem]
    model: str
    usage: EmbeddingUsage = EmbeddingUsage()
    kernelsight: list[ResultOrigin]


@dataclass(frozen=True, slots=True)
class EmbeddingInputs:
    urls: list[str]
    encoding: Literal["float", "base64"]
    dimensions: int | None

    @classmethod
    def of(cls, request: OperationRequest) -> "EmbeddingInputs":
        """Raises RequestRejected."""
        if request.image is not None:
            raise RequestRejected("embeddings are asked for in JSON, with the image's URL or data URL as 'input'")
        body = parse_fields(EmbeddingsRequest, request.fields, where="body")
        for number, url in enumerate(body.urls):
            if not url.startswith(_SCHEMES):
                raise RequestRejected(f"input.{number}: only images are embedded here: give a data URL or http(s) URL")
        return cls(body.urls, body.encoding_format, body.dimensions)


async def run_embeddings(
    components: Components, request: OperationRequest, inputs: EmbeddingInputs, limits: ExecutionLimits
) -> OperationReply:
    slots = asyncio.Semaphore(MAX_CONCURRENT_IMAGES)

    async def embed(url: str) -> Findings:
        async with slots:
            image = await load_image(url, components.pool, components.fetcher)
            return await run_engine(components, image, {"features": EMBEDDING_OPTIONS}, limits)

    found = await gather_or_cancel(*(embed(url) for url in inputs.urls))
    vectors = [_vector(findings) for findings in found]
    if inputs.dimensions not in (None, len(vectors[0])):
        raise RequestRejected(f"dimensions: this encoder's embeddings have {len(vectors[0])}, and are not cut")
    data = [
        EmbeddingItem(index=index, embedding=_encode_vector(one, inputs.encoding)) for index, one in enumerate(vectors)
    ]
    origins = [ResultOrigin.of(findings) for findings in found]
    return OperationReply.of(EmbeddingsReply(data=data, model=components.categories.encoder.id, kernelsight=origins))


def _vector(findings: Findings) -> list[float]:
    embedding = findings.of(FEATURES).embedding
    assert isinstance(embedding, list)
    return embedding


def _url_of(one: str | ImagePart | JinaImage) -> str:
    if isinstance(one, str):
        return one
    return one.image_url.url if isinstance(one, ImagePart) else one.image


def _encode_vector(vector: list[float], encoding: Literal["float", "base64"]) -> list[float] | str:
    return vector if encoding == "float" else base64.b64encode(np.array(vector, "<f4").tobytes()).decode()
