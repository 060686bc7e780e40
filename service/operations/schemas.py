"""The bodies of replies, one class for each operation."""

from typing import Any

from pipelines.documents.types import Document
from pipelines.explain.pipeline import Explained
from pipelines.faces.types import Faces
from pipelines.findings import Findings
from pipelines.types import Answer, Features


class FeaturesReply(Features, Answer):
    """`Features` beside what every answer carries."""

    @classmethod
    def of(cls, findings: Findings) -> "FeaturesReply":
        assert findings.features is not None
        return cls.model_construct(**_shared(findings), **dict(findings.features))


class FacesReply(Faces, Answer):
    """`Faces` beside what every answer carries."""

    @classmethod
    def of(cls, findings: Findings) -> "FacesReply":
        assert findings.faces is not None
        return cls.model_construct(**_shared(findings), **dict(findings.faces))


class DocumentReply(Document, Answer):
    """`Document` beside what every answer carries."""

    @classmethod
    def of(cls, findings: Findings) -> "DocumentReply":
        assert findings.document is not None
        return cls.model_construct(**_shared(findings), **dict(findings.document))


class ExplainReply(Explained, Answer):
    """`Explained` beside what every answer carries."""

    @classmethod
    def of(cls, findings: Findings) -> "ExplainReply":
        assert findings.explain is not None
        return cls.model_construct(**_shared(findings), **dict(findings.explain))


def answer_of(findings: Findings) -> Answer:
    """What every answer carries, alone."""
    return Answer.model_construct(**_shared(findings))


def _shared(findings: Findings) -> dict[str, Any]:
    return {name: getattr(findings, name) for name in Answer.model_fields}
