"""OpenAI's moderation request and response, as its own clients send and read them; ours in a field beside theirs.

https://platform.openai.com/docs/api-reference/moderations
"""

import random
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from pipelines.findings import Findings
from pipelines.moderation.decision import combined
from pipelines.moderation.policy import OpenAICategory
from pipelines.moderation.text_pipeline import JudgedText
from pipelines.moderation.types import CategoryScore, InputType, Moderation
from pipelines.types import ImageInfo, ModelUsed

CATEGORIES: tuple[OpenAICategory, ...] = get_args(OpenAICategory)

MODEL = f"kernelsight-{version('kernelsight')}"

MOST_INPUTS = 32

Text = Annotated[str, Field(min_length=1)]

Several = Field(min_length=1, max_length=MOST_INPUTS)


class TextPart(BaseModel):
    type: Literal["text"]
    text: str


class ImageUrl(BaseModel):
    url: str


class ImagePart(BaseModel):
    type: Literal["image_url"]
    image_url: ImageUrl


Part = TextPart | ImagePart


class ModerationRequest(BaseModel):
    """`input` is one text, several texts with a result each, or parts that belong together and get one result.

    `model` is taken and ignored: what judged is in the answer. Other fields are our options.
    """

    model_config = ConfigDict(extra="allow")

    input: Text | Annotated[list[str] | list[Part], Several]
    model: str | None = None

    @property
    def items(self) -> list[list[Part]]:
        """The parts of each result."""
        if isinstance(self.input, str):
            return [[TextPart(type="text", text=self.input)]]
        parts = [TextPart(type="text", text=one) if isinstance(one, str) else one for one in self.input]
        return [[part] for part in parts] if isinstance(self.input[0], str) else [parts]


class Judged(Moderation):
    """Our own answer about one text or image; what is known of an image comes with it."""

    result_id: str | None = None
    image: ImageInfo | None = None
    models: list[ModelUsed] | None = None
    timings: dict[str, float] | None = None

    @classmethod
    def of(cls, findings: Findings) -> "Judged":
        assert findings.moderation is not None
        return cls.model_construct(
            **dict(findings.moderation),
            result_id=findings.result_id,
            image=findings.image,
            models=findings.models,
            timings=findings.timings,
        )

    @classmethod
    def of_text(cls, judged: JudgedText) -> "Judged":
        """No model judges texts: the policy's rules do, whose version is there."""
        return cls.model_construct(
            **dict(judged.moderation), result_id=judged.result_id, models=[], timings=dict(judged.timings)
        )


class Together(Judged):
    """`parts` are the single answers, each with its own result id, where several texts and images share one result."""

    parts: list[Judged] | None = None

    @classmethod
    def of_parts(cls, parts: Sequence[Judged]) -> "Together":
        if len(parts) == 1:
            return cls.model_construct(**dict(parts[0]))
        shared = {name: getattr(combined(parts), name) for name in Moderation.model_fields}
        return cls.model_construct(**shared, parts=list(parts))


class ModerationResult(BaseModel):
    """One result in OpenAI's form. A category that nothing judged has no input types, and its score says nothing."""

    flagged: bool = Field(description="the verdict is review or block, whatever for")
    categories: dict[OpenAICategory, bool]
    category_scores: dict[OpenAICategory, float]
    category_applied_input_types: dict[OpenAICategory, list[InputType]]
    kernelsight: Together

    @classmethod
    def of(cls, parts: Sequence[Judged]) -> "ModerationResult":
        own = Together.of_parts(parts)
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


class ErrorBody(BaseModel):
    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorReply(BaseModel):
    """An error as OpenAI's clients read it. `code` is the last part of our problem type: see docs/errors.md."""

    error: ErrorBody


def error_of(problem: dict[str, Any]) -> dict[str, Any]:
    """A problem+json body in OpenAI's form."""
    status, code = problem["status"], problem["type"].rpartition(":")[2]
    kind = "server_error" if status >= 500 else "rate_limit_error" if status == 429 else "invalid_request_error"
    return ErrorReply(error=ErrorBody(message=problem["detail"], type=kind, code=code)).model_dump()
