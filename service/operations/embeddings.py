"""OpenAI's embeddings request and response, with images as inputs.

https://platform.openai.com/docs/api-reference/embeddings
"""

import asyncio
import base64
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from models.concurrency import gather_or_cancel
from pipelines.errors import RequestRejected
from pipelines.findings import Findings
from pipelines.moderation.categories.custom_categories import EMBEDDING
from pipelines.types import ImageInfo, ModelUsed
from service.components import Components
from service.operations.openai_moderation import ImagePart, Several, Text
from service.operations.operation import ExecutionLimits, Reply, run_engine
from service.operations.request import OperationRequest, image_at, parse_options

AT_ONCE = 8  # images of one request in flight
_SCHEMES = ("data:", "http://", "https://")


class JinaImage(BaseModel):
    """As other embedding services write it."""

    image: str


class EmbeddingsRequest(BaseModel):
    """`input` is one image or several: a data URL or http(s) URL, alone, as an `image_url` part or under `image`.

    `model` and `user` are taken and ignored: what embedded is in the answer.
    """

    model_config = ConfigDict(extra="forbid")

    input: Text | Annotated[list[str | ImagePart | JinaImage], Several]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(default=None, description="only the encoder's own number; embeddings are not cut")
    model: str | None = None
    user: str | None = None

    @property
    def urls(self) -> list[str]:
        given = [self.input] if isinstance(self.input, str) else self.input
        return [_url_of(one) for one in given]


class Embedding(BaseModel):
    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str = Field(description="L2-normalised; base64 of little-endian float32 where asked")


class Usage(BaseModel):
    """Images are not counted in tokens."""

    prompt_tokens: int = 0
    total_tokens: int = 0


class Origin(BaseModel):
    """Beside OpenAI's fields, for each input in their order: what was embedded, and by what."""

    result_id: str
    image: ImageInfo
    models: list[ModelUsed]
    timings: dict[str, float]

    @classmethod
    def of(cls, findings: Findings) -> "Origin":
        return cls.model_construct(**{name: getattr(findings, name) for name in cls.model_fields})


class EmbeddingsReply(BaseModel):
    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: Usage = Usage()
    kernelsight: list[Origin]


@dataclass(frozen=True, slots=True)
class Embedded:
    urls: list[str]
    encoding: Literal["float", "base64"]
    dimensions: int | None

    @classmethod
    def of(cls, ask: OperationRequest) -> "Embedded":
        """Raises RequestRejected."""
        if ask.image is not None:
            raise RequestRejected("embeddings are asked for in JSON, with the image's URL or data URL as 'input'")
        asked = parse_options(EmbeddingsRequest, ask.fields, where="body")
        for number, url in enumerate(asked.urls):
            if not url.startswith(_SCHEMES):
                raise RequestRejected(f"input.{number}: only images are embedded here: give a data URL or http(s) URL")
        return cls(asked.urls, asked.encoding_format, asked.dimensions)


async def embeddings(components: Components, ask: OperationRequest, asked: Embedded, terms: ExecutionLimits) -> Reply:
    slots = asyncio.Semaphore(AT_ONCE)

    async def embedded(url: str) -> Findings:
        async with slots:
            image = await image_at(url, components.pool, components.fetcher)
            return await run_engine(components, image, {"features": EMBEDDING}, terms)

    found = await gather_or_cancel(*(embedded(url) for url in asked.urls))
    vectors = [_vector(findings) for findings in found]
    if asked.dimensions not in (None, len(vectors[0])):
        raise RequestRejected(f"dimensions: this encoder's embeddings have {len(vectors[0])}, and are not cut")
    data = [Embedding(index=index, embedding=_encoded(one, asked.encoding)) for index, one in enumerate(vectors)]
    origins = [Origin.of(findings) for findings in found]
    return Reply.of(EmbeddingsReply(data=data, model=components.categories.encoder.id, kernelsight=origins))


def _vector(findings: Findings) -> list[float]:
    assert findings.features is not None
    assert isinstance(findings.features.embedding, list)
    return findings.features.embedding


def _url_of(one: str | ImagePart | JinaImage) -> str:
    if isinstance(one, str):
        return one
    return one.image_url.url if isinstance(one, ImagePart) else one.image


def _encoded(vector: list[float], encoding: Literal["float", "base64"]) -> list[float] | str:
    return vector if encoding == "float" else base64.b64encode(np.array(vector, "<f4").tobytes()).decode()
