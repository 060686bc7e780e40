"""The record of one result: enough to say who decided what, on which grounds. No pixels, no text, no URL."""

from pydantic import Field

from models.waiting import Priority
from pipelines.types import ImageInfo, ModelUsed
from service.audit.kept import Decision, DocumentKept, FacesKept, FeaturesKept, Kept


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
