"""What a record keeps of each pipeline's answer."""

from statistics import fmean

from pydantic import BaseModel, ConfigDict

from pipelines.documents.types import Document
from pipelines.faces.types import Faces
from pipelines.moderation.types import FiredRule, Verdict
from pipelines.types import GroupScore


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
