"""OpenAI's moderation request and response as its clients send and read them; our own result is a field beside theirs.

https://platform.openai.com/docs/api-reference/moderations
"""

import random
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from pipelines.findings import Findings
from pipelines.moderation.decision import combine_moderations
from pipelines.moderation.policy import OpenAICategory
from pipelines.moderation.spec import MODERATION
from pipelines.moderation.text_pipeline import ModeratedText
from pipelines.moderation.types import CategoryScore, InputType, Moderation
from pipelines.types import ImageInfo, ModelUsed

CATEGORIES: tuple[OpenAICategory, ...] = get_args(OpenAICategory)

MODEL = f"kernelsight-{version('kernelsight')}"

NonEmptyText = Annotated[str, Field(min_length=1)]

INPUT_COUNT = "at most as many as KERNELSIGHT_MAX_INPUTS, by default 32"


class TextPart(BaseModel):
    type: Literal["text"]
    text: str


class ImageUrl(BaseModel):
    url: str


class ImagePart(BaseModel):
    type: Literal["image_url"]
    image_url: ImageUrl


InputPart = Annotated[TextPart | ImagePart, Field(discriminator="type")]


def _input_kind(given: Any) -> str | None:
    """Which of the forms `input` has, so that an error is about that one."""
    if isinstance(given, str):
        return "text"
    if not isinstance(given, list):
        return None
    return "texts" if given and isinstance(given[0], str) else "parts"


ModerationInput = Annotated[
    Annotated[NonEmptyText, Tag("text")]
    | Annotated[list[str], Field(min_length=1), Tag("texts")]
    | Annotated[list[InputPart], Field(min_length=1), Tag("parts")],
    Discriminator(
        _input_kind, custom_error_type="input_kind", custom_error_message="Input should be a text, texts, or parts"
    ),
]


class ModerationRequest(BaseModel):
    """`input` is one text, several texts with a result each, or parts that belong together and get one result.

    `model` is accepted and ignored: the reply names the models that were used. Other fields are our options.
    """

    model_config = ConfigDict(extra="allow")

    input: ModerationInput = Field(description=INPUT_COUNT)
    model: str | None = None

    @property
    def items(self) -> list[list[InputPart]]:
        """The parts of each result."""
        if isinstance(self.input, str):
            return [[TextPart(type="text", text=self.input)]]
        parts = [TextPart(type="text", text=one) if isinstance(one, str) else one for one in self.input]
        return [[part] for part in parts] if isinstance(self.input[0], str) else [parts]


class PartModeration(Moderation):
    """Our own moderation of one text or image, with what is known of the image."""

    result_id: str | None = None
    image: ImageInfo | None = None
    models: list[ModelUsed] | None = None
    timings: dict[str, float] | None = None

    @classmethod
    def of(cls, findings: Findings) -> "PartModeration":
        return cls.model_construct(
            **dict(findings.of(MODERATION)),
            result_id=findings.result_id,
            image=findings.image,
            models=findings.models,
            timings=findings.timings,
        )

    @classmethod
    def of_text(cls, judged: ModeratedText) -> "PartModeration":
        """Texts are moderated by the policy's rules and by no model; the policy's version is in the result."""
        return cls.model_construct(
            **dict(judged.moderation), result_id=judged.result_id, models=[], timings=dict(judged.timings)
        )


class CombinedModeration(PartModeration):
    """The moderation of one result. Where several texts and images share it, `parts` has each with its result id."""

    parts: list[PartModeration] | None = None

    @classmethod
    def of_parts(cls, parts: Sequence[PartModeration]) -> "CombinedModeration":
        if len(parts) == 1:
            return cls.model_construct(**dict(parts[0]))
        shared = {name: getattr(combine_moderations(parts), name) for name in Moderation.model_fields}
        return cls.model_construct(**shared, parts=list(parts))


class ModerationResult(BaseModel):
    """One result in OpenAI's form. A category without input types was not checked, and its score means nothing."""

    flagged: bool = Field(description="the verdict is review or block, for whatever reason")
    categories: dict[OpenAICategory, bool]
    category_scores: dict[OpenAICategory, float]
    category_applied_input_types: dict[OpenAICategory, list[InputType]]
    kernelsight: CombinedModeration

    @classmethod
    def of(cls, parts: Sequence[PartModeration]) -> "ModerationResult":
        own = CombinedModeration.of_parts(parts)
        judged: Mapping[str, CategoryScore] = own.categories
        return cls.model_construct(
            flagged=own.verdict != "allow",
            categories={name: name in judged and judged[name].flagged for name in CATEGORIES},
            category_scores={name: judged[name].score if name in judged else 0.0 for name in CATEGORIES},
            category_applied_input_types={
                name: judged[name].input_types if name in judged else [] for name in CATEGORIES
            },
            kernelsight=own,
        )


class ModerationReply(BaseModel):
    id: str
    model: str
    results: list[ModerationResult]

    @classmethod
    def of(cls, results: list[ModerationResult]) -> "ModerationReply":
        return cls.model_construct(id=f"modr-{random.getrandbits(128):032x}", model=MODEL, results=results)


class OpenAIErrorBody(BaseModel):
    message: str
    type: str
    param: str | None = None
    code: str | None = None


class OpenAIErrorReply(BaseModel):
    """An error as OpenAI's clients read it. `code` is the last part of our problem type: see docs/errors.md."""

    error: OpenAIErrorBody


def openai_error(problem: dict[str, Any]) -> dict[str, Any]:
    """A problem+json body in OpenAI's form."""
    status, code = problem["status"], problem["type"].rpartition(":")[2]
    kind = "server_error" if status >= 500 else "rate_limit_error" if status == 429 else "invalid_request_error"
    return OpenAIErrorReply(error=OpenAIErrorBody(message=problem["detail"], type=kind, code=code)).model_dump()
