"""The audit record of one result: who decided what, and why. It has no pixels, no text and no URL."""

from pydantic import BaseModel, ConfigDict, Field

from models.priority import Priority
from pipelines.moderation.types import FiredRule, Verdict
from pipelines.types import GroupScore, ImageInfo, ModelUsed


class RecordedValue(BaseModel):
    """Unknown fields are ignored: another version of the service may have written the record."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class RecordedSignal(RecordedValue):
    scores: dict[str, float]
    detector: str
    version: str
    error: str | None = None


class RecordedDecision(RecordedValue):
    """All that `kernelsight policy replay` needs except the evidence, which may have text in it."""

    verdict: Verdict
    severity: int
    rules: list[FiredRule]
    signals: dict[str, RecordedSignal]
    policy: str
    policy_version: str
    policy_sha256: str
    tenant: str | None = None


class RecordedTag(RecordedValue):
    label: str
    group: str
    score: float


class RecordedKind(RecordedValue):
    """`name` is none where no kind was stated."""

    name: str | None
    score: float


class RecordedFeatures(RecordedValue):
    tags: list[RecordedTag]
    groups: list[GroupScore]
    kind: RecordedKind | None = None


class RecordedFaces(RecordedValue):
    """`count` is the number of faces, `candidates` all detections, whether counted as faces or not."""

    count: int
    candidates: int
    best_score: float | None
    detector: str


class RecordedObjects(RecordedValue):
    """`counts` are the stated labels, `listed` all objects of the reply."""

    counts: dict[str, int]
    listed: int
    best_score: float | None
    detector: str


class RecordedText(RecordedValue):
    """Numbers of what was read in a picture, and no words; `confidence` is the mean score of its lines."""

    regions: int
    lines: int
    unread_lines: int
    confidence: float | None


class RecordedDocument(RecordedValue):
    """`confidence` is the mean score of the lines that were read from pixels."""

    page_count: int
    pages: int
    failed: int
    lines: int
    tables: int
    confidence: float | None


class RecordedSpan(RecordedValue):
    """One stage: when it first began and last ended, in seconds after the request began, and the total `seconds` of its
    `times` runs.
    """

    name: str
    began: float
    ended: float
    seconds: float
    times: int = 1


class AuditRecord(RecordedValue):
    """`at` is the Unix time of the answer in seconds. The id comes first, because lines are found by it."""

    result_id: str
    at: float
    request_id: str | None = None
    trace_id: str | None = None
    job_id: str | None = None
    key: str | None = Field(default=None, description="name of the API key that asked")
    tenant: str | None = Field(default=None, description="the key's tenant, to which the result belongs")
    operation: str | None = None
    priority: Priority
    pipelines: list[str] = Field(description="pipelines that answered")
    withheld: list[str] | None = None
    image: ImageInfo | None = None
    characters: int | None = Field(default=None, description="length of the text, where a text was judged")
    models: list[ModelUsed]
    moderation: RecordedDecision | None = None
    features: RecordedFeatures | None = None
    faces: RecordedFaces | None = None
    objects: RecordedObjects | None = None
    text: RecordedText | None = None
    document: RecordedDocument | None = None
    stages: list[RecordedSpan]
