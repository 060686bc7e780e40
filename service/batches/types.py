"""A batch as OpenAI's clients see it.

https://platform.openai.com/docs/api-reference/batch
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

COMPLETION_SECONDS = 24 * 3600
MOST_REQUESTS = 50_000

Status = Literal["validating", "failed", "in_progress", "finalizing", "completed", "expired", "cancelling", "cancelled"]
# The state of a batch is the first of these moments that it has seen.
MOMENTS: tuple[tuple[str, Status], ...] = (
    ("failed_at", "failed"),
    ("completed_at", "completed"),
    ("cancelled_at", "cancelled"),
    ("expired_at", "expired"),
    ("cancelling_at", "cancelling"),
    ("finalizing_at", "finalizing"),
    ("in_progress_at", "in_progress"),
)
ENDED = frozenset({"failed", "completed", "cancelled", "expired"})


class NewBatch(BaseModel):
    """`completion_window` is theirs; how long a batch may take here as well."""

    model_config = ConfigDict(extra="ignore")

    input_file_id: str
    endpoint: str
    completion_window: Literal["24h"] = "24h"
    metadata: dict[str, str] | None = Field(default=None, max_length=16)


class LineError(BaseModel):
    """What is wrong with a line of the input file; lines count from 1."""

    code: str
    message: str
    line: int | None = None
    param: str | None = None


class LineErrors(BaseModel):
    object: Literal["list"] = "list"
    data: list[LineError]


class Counts(BaseModel):
    total: int = 0
    completed: int = 0
    failed: int = 0


class Batch(BaseModel):
    """Times are Unix seconds."""

    id: str
    object: Literal["batch"] = "batch"
    endpoint: str
    errors: LineErrors | None = None
    input_file_id: str
    completion_window: str
    status: Status
    output_file_id: str | None = None
    error_file_id: str | None = None
    created_at: int
    in_progress_at: int | None = None
    expires_at: int
    finalizing_at: int | None = None
    completed_at: int | None = None
    failed_at: int | None = None
    expired_at: int | None = None
    cancelling_at: int | None = None
    cancelled_at: int | None = None
    request_counts: Counts = Counts()
    metadata: dict[str, str] | None = None


class BatchPage(BaseModel):
    object: Literal["list"] = "list"
    data: list[Batch]
    first_id: str | None
    last_id: str | None
    has_more: bool
