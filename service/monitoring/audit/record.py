"""The record of one result: enough to say who decided what, on which grounds. No pixels, no text, no URL."""

from statistics import fmean

from pydantic import BaseModel, ConfigDict, Field

from models.priority import Priority
from pipelines.documents.types import Document
from pipelines.faces.types import Faces
from pipelines.moderation.types import FiredRule, Verdict
from pipelines.types import GroupScore, ImageInfo, ModelUsed


class Kept(BaseModel):
    """Of another version's records what is not known here is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class SignalKept(Kept):
    scores: dict[str, float]
    detector: str
    version: str
    error: str | None = None


class Decision(Kept):
    """All that `kernelsight policy replay` would need but the evidence, which may have text in it."""

    verdict: Verdict
    severity: int
    rules: list[FiredRule]
    signals: dict[str, SignalKept]
    policy: str
    policy_version: str
    policy_sha256: str
    tenant: str | None = None


class TagKept(Kept):
    label: str
    group: str
    score: float


class FeaturesKept(Kept):
    tags: list[TagKept]
    groups: list[GroupScore]


class FacesKept(Kept):
    """`candidates` are those that were found, faces or not."""

    count: int
    candidates: int
    best_score: float | None
    detector: str

    @classmethod
    def of(cls, found: Faces) -> "FacesKept":
        best = max((one.score for one in found.faces), default=None)
        return cls(count=found.count, candidates=len(found.faces), best_score=best, detector=found.detector)


class DocumentKept(Kept):
    """`confidence` is the mean over lines that were read from pixels."""

    page_count: int
    pages: int
    failed: int
    lines: int
    tables: int
    confidence: float | None

    @classmethod
    def of(cls, found: Document) -> "DocumentKept":
        lines = [(page.source, line.score) for page in found.pages for part in page.regions for line in part.lines]
        read = [score for source, score in lines if source == "ocr"]
        return cls(
            page_count=found.page_count,
            pages=len(found.pages),
            failed=sum(page.error is not None for page in found.pages),
            lines=len(lines),
            tables=sum(len(page.tables) for page in found.pages),
            confidence=round(fmean(read), 6) if read else None,
        )


class Span(Kept):
    """A stage: when it first began and last ended, seconds after the request, and what its `times` took together."""

    name: str
    began: float
    ended: float
    seconds: float
    times: int = 1


class Record(Kept):
    """`at` is Unix seconds, of the answer. Its id comes first, for by it a line of a journal is found."""

    result_id: str
    at: float
    request_id: str | None = None
    trace_id: str | None = None
    job_id: str | None = None
    operation: str | None = None
    priority: Priority
    pipelines: list[str] = Field(description="that were answered")
    withheld: list[str] | None = None
    image: ImageInfo | None = None
    characters: int | None = Field(default=None, description="of a text that was judged")
    models: list[ModelUsed]
    moderation: Decision | None = None
    features: FeaturesKept | None = None
    faces: FacesKept | None = None
    document: DocumentKept | None = None
    stages: list[Span]
