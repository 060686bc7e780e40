"""The reply bodies of operations: a pipeline's result, or several, beside the fields that every reply has."""

from typing import Any, Self

from pydantic import BaseModel, Field, create_model

from pipelines.captioner.types import Caption
from pipelines.captioning.spec import FEATURES
from pipelines.documents.spec import DOCUMENT
from pipelines.documents.types import Document
from pipelines.explain.spec import EXPLAIN
from pipelines.explain.types import ExplainResult
from pipelines.faces.spec import FACES
from pipelines.faces.types import Faces
from pipelines.findings import Findings
from pipelines.objects.spec import OBJECTS
from pipelines.objects.types import Objects
from pipelines.registry import ANALYSES, PIPELINES
from pipelines.types import Features, ReplyHeader


class FeaturesReply(Features, ReplyHeader):
    @classmethod
    def of(cls, findings: Findings) -> Self:
        return cls.model_construct(**_header_fields(findings), **dict(findings.of(FEATURES)))


class ObjectsReply(Objects, ReplyHeader):
    @classmethod
    def of(cls, findings: Findings) -> Self:
        return cls.model_construct(**_header_fields(findings), **dict(findings.of(OBJECTS)))


class FacesReply(Faces, ReplyHeader):
    @classmethod
    def of(cls, findings: Findings) -> Self:
        return cls.model_construct(**_header_fields(findings), **dict(findings.of(FACES)))


class DocumentReply(Document, ReplyHeader):
    @classmethod
    def of(cls, findings: Findings) -> Self:
        return cls.model_construct(**_header_fields(findings), **dict(findings.of(DOCUMENT)))


class ExplainReply(ExplainResult, ReplyHeader):
    @classmethod
    def of(cls, findings: Findings) -> Self:
        return cls.model_construct(**_header_fields(findings), **dict(findings.of(EXPLAIN)))


class _AnalyzeHeader(ReplyHeader):
    withheld: list[str] | None = Field(
        default=None, description="pipelines that did not see the image, because moderation blocks it"
    )
    caption: Caption | None = Field(default=None, description="another model's description, where it was asked for")

    notes: list[str] | None = Field(default=None, description="what the answer could have and does not, and why")

    @classmethod
    def of(cls, findings: Findings, caption: Caption | None = None) -> Self:
        own = {"withheld": findings.withheld, "notes": findings.notes, "caption": caption}
        fields = _header_fields(findings) | own | dict(findings.results)
        return cls.model_construct(**fields)


# One field per pipeline, under its name; None where it was not asked for or withheld.
_RESULTS: dict[str, Any] = {name: (PIPELINES[name].result | None, None) for name in ANALYSES}
AnalyzeReply: type[_AnalyzeHeader] = create_model("AnalyzeReply", __base__=_AnalyzeHeader, **_RESULTS)


def build_reply_header(findings: Findings) -> BaseModel:
    """The fields that every reply has, alone."""
    return ReplyHeader.model_construct(**_header_fields(findings))


def _header_fields(findings: Findings) -> dict[str, Any]:
    return {name: getattr(findings, name) for name in ReplyHeader.model_fields}
