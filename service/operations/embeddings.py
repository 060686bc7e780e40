"""The operation `embeddings`: OpenAI's embeddings request and response, with images as inputs.

Where CLIP serves, texts are inputs as well, and all vectors are CLIP's.

https://platform.openai.com/docs/api-reference/embeddings
"""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from models.concurrency import gather_or_cancel
from pipelines.captioning.options import FeaturesOptions
from pipelines.captioning.spec import FEATURES
from pipelines.errors import RequestRejected
from pipelines.findings import Findings, new_result_id
from pipelines.moderation.categories.custom_categories import EMBEDDING_OPTIONS
from pipelines.types import ImageInfo, ModelUsed
from service.components import Components
from service.operations.data_urls import is_data_url
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
CLIP_OPTIONS = FeaturesOptions(top_k=0, embedding="float", space="clip")
_SCHEMES = ("http://", "https://")


class JinaImage(BaseModel):
    """An image as Jina's embedding service writes it."""

    image: str


class EmbeddedText(BaseModel):
    """A text as a part of a message, or as Jina's service writes it: also one that begins like a URL."""

    type: Literal["text"] = "text"
    text: str


def _input_kind(given: Any) -> str | None:
    """Which of the forms an input has, so that an error is about that one."""
    if isinstance(given, str):
        return "url"
    if not isinstance(given, dict):
        return None
    return next((key for key in ("image", "text") if key in given), "part")


EmbeddingInput = Annotated[
    Annotated[str, Tag("url")]
    | Annotated[ImagePart, Tag("part")]
    | Annotated[JinaImage, Tag("image")]
    | Annotated[EmbeddedText, Tag("text")],
    Discriminator(
        _input_kind,
        custom_error_type="input_kind",
        custom_error_message="Input should be a URL, a text, an image_url part, or an object with an image or a text",
    ),
]


class EmbeddingsRequest(BaseModel):
    """`input` is one image or several: a data URL or http(s) URL, alone, as an `image_url` part or under `image`.

    With CLIP (KERNELSIGHT_CLIP), any other string is a text, and so is what stands under `text`.
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
    modality: Literal["image", "text"] | None = Field(
        default=None, description="what all inputs are, as clients of Infinity say it; none: each by its form"
    )
    model: str | None = None
    user: str | None = None

    @property
    def items(self) -> list[EmbeddingInput]:
        return [self.input] if isinstance(self.input, str) else self.input


class EmbeddingItem(BaseModel):
    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str = Field(description="L2-normalised; base64 of little-endian float32 if requested")


class EmbeddingUsage(BaseModel):
    """Images are not counted in tokens. A text's are those that were read, its beginning and end included."""

    prompt_tokens: int = 0
    total_tokens: int = 0


class ResultOrigin(BaseModel):
    """Beside OpenAI's fields, for each input in their order: the image and the models that embedded it.

    Of a text there is no image; its timing is that of all texts of the request.
    """

    result_id: str
    image: ImageInfo | None = None
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
    """URLs of images and texts, each by its place in the request."""

    urls: dict[int, str]
    texts: dict[int, str]
    encoding: Literal["float", "base64"]
    dimensions: int | None

    @classmethod
    def of(cls, request: OperationRequest) -> "EmbeddingInputs":
        """Raises RequestRejected."""
        if request.image is not None:
            raise RequestRejected("embeddings are asked for in JSON, with the image's URL or data URL as 'input'")
        body = parse_fields(EmbeddingsRequest, request.fields, where="body")
        items = [_as_text(one) for one in body.items] if body.modality == "text" else body.items
        urls = {place: url for place, one in enumerate(items) if (url := _image_url(one)) is not None}
        texts = {place: text for place, one in enumerate(items) if (text := _text(one)) is not None}
        if others := {"image": texts, "text": urls, None: {}}[body.modality]:
            raise RequestRejected(f"input.{min(others)}: this is no {body.modality}, which modality says that all are")
        for place, url in urls.items():
            if not _is_url(url):
                raise RequestRejected(f"input.{place}: an image is a data URL or http(s) URL")
        return cls(urls, texts, body.encoding_format, body.dimensions)


Embedded = tuple[list[float], ResultOrigin]


async def run_embeddings(
    components: Components, request: OperationRequest, inputs: EmbeddingInputs, limits: ExecutionLimits
) -> OperationReply:
    """Raises RequestRejected for texts where no CLIP serves."""
    images, (texts, tokens) = await gather_or_cancel(
        _embed_images(components, inputs.urls, limits), _embed_texts(components, inputs.texts, limits)
    )
    found: list[Embedded] = [(images | texts)[place] for place in sorted(images | texts)]
    width = len(found[0][0])
    if inputs.dimensions not in (None, width):
        raise RequestRejected(f"dimensions: this encoder's embeddings have {width}, and are not cut")
    data = [
        EmbeddingItem(index=index, embedding=_encode_vector(vector, inputs.encoding))
        for index, (vector, _) in enumerate(found)
    ]
    return OperationReply.of(
        EmbeddingsReply(
            data=data,
            model=components.clip.used_for_images.id if components.clip else components.categories.encoder.id,
            usage=EmbeddingUsage(prompt_tokens=tokens, total_tokens=tokens),
            kernelsight=[origin for _, origin in found],
        )
    )


async def _embed_images(
    components: Components, urls: Mapping[int, str], limits: ExecutionLimits
) -> dict[int, Embedded]:
    """By CLIP where it serves, else by the encoder."""
    slots = asyncio.Semaphore(MAX_CONCURRENT_IMAGES)
    options = CLIP_OPTIONS if components.clip else EMBEDDING_OPTIONS

    async def embed(url: str) -> Embedded:
        async with slots:
            image = await load_image(url, components.pool, components.fetcher)
            findings = await run_engine(components, image, {"features": options}, limits)
        embedding = findings.of(FEATURES).embedding
        assert isinstance(embedding, list)
        return embedding, ResultOrigin.of(findings)

    return dict(zip(urls, await gather_or_cancel(*map(embed, urls.values())), strict=True))


async def _embed_texts(
    components: Components, texts: Mapping[int, str], limits: ExecutionLimits
) -> tuple[dict[int, Embedded], int]:
    """The number of tokens as well. Raises RequestRejected where no CLIP serves, DeadlineExceeded and Overloaded."""
    if not texts:
        return {}, 0
    if components.clip is None:
        raise RequestRejected(
            f"input.{min(texts)}: only images are embedded here: give a data URL or http(s) URL; texts need CLIP"
        )
    started = perf_counter()
    found = await components.clip.embed_texts(list(texts.values()), priority=limits.priority, deadline=limits.deadline)
    timings = {"total": round(perf_counter() - started, 6)}
    vectors = found.vectors.astype(np.float64).round(7).tolist()
    origins = (ResultOrigin(result_id=new_result_id(), models=[found.model], timings=timings) for _ in texts)
    return dict(zip(texts, zip(vectors, origins, strict=True), strict=True)), found.tokens


def _is_url(text: str) -> bool:
    return is_data_url(text) or text.strip().lower().startswith(_SCHEMES)


def _as_text(one: EmbeddingInput) -> EmbeddingInput:
    return EmbeddedText(text=one) if isinstance(one, str) else one


def _image_url(one: EmbeddingInput) -> str | None:
    if isinstance(one, str):
        return one if _is_url(one) else None
    if isinstance(one, EmbeddedText):
        return None
    return one.image_url.url if isinstance(one, ImagePart) else one.image


def _text(one: EmbeddingInput) -> str | None:
    if isinstance(one, EmbeddedText):
        return one.text
    return one if isinstance(one, str) and _image_url(one) is None else None


def _encode_vector(vector: list[float], encoding: Literal["float", "base64"]) -> list[float] | str:
    return vector if encoding == "float" else base64.b64encode(np.array(vector, "<f4").tobytes()).decode()
