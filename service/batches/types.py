"""Wire types of batches, as OpenAI's clients know them.

https://platform.openai.com/docs/api-reference/batch
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

COMPLETION_SECONDS = 24 * 3600
MAX_REQUESTS = 50_000

BatchStatus = Literal[
    "validating", "failed", "in_progress", "finalizing", "completed", "expired", "cancelling", "cancelled"
]
# The status of a batch is that of the first of these timestamps that is set, else "validating".
STATUS_TIMESTAMPS: tuple[tuple[str, BatchStatus], ...] = (
    ("failed_at", "failed"),
    ("completed_at", "completed"),
    ("cancelled_at", "cancelled"),
    ("expired_at", "expired"),
    ("cancelling_at", "cancelling"),
    ("finalizing_at", "finalizing"),
    ("in_progress_at", "in_progress"),
)
FINAL_STATUSES = frozenset({"failed", "completed", "cancelled", "expired"})
FINAL_TIMESTAMPS = tuple(name for name, status in STATUS_TIMESTAMPS if status in FINAL_STATUSES)


class Expiry(BaseModel):
    """When a file is removed, as OpenAI's `expires_after` says it: an hour to 30 days after it was made."""

    anchor: Literal["created_at"]
    seconds: int = Field(ge=3_600, le=2_592_000)


class NewBatch(BaseModel):
    """`completion_window` is OpenAI's only value, and the time that a batch may take here, too."""

    model_config = ConfigDict(extra="ignore")

    input_file_id: str
    endpoint: str
    completion_window: Literal["24h"] = "24h"
    metadata: dict[str, str] | None = Field(default=None, max_length=16)
    output_expires_after: Expiry | None = None


class LineError(BaseModel):
    """An error in a line of the input file; lines count from 1."""

    code: str
    message: str
    line: int | None = None
    param: str | None = None


class LineErrors(BaseModel):
    object: Literal["list"] = "list"
    data: list[LineError]


class RequestCounts(BaseModel):
    total: int = 0
    completed: int = 0
    failed: int = 0


class BatchObject(BaseModel):
    """OpenAI's batch object, and the tenant that it belongs to. Times are Unix seconds."""

    id: str
    object: Literal["batch"] = "batch"
    endpoint: str
    errors: LineErrors | None = None
    input_file_id: str
    completion_window: str
    status: BatchStatus
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
    request_counts: RequestCounts = RequestCounts()
    metadata: dict[str, str] | None = None
    output_expires_after: Expiry | None = None
    tenant: str | None = None


class BatchPage(BaseModel):
    object: Literal["list"] = "list"
    data: list[BatchObject]
    first_id: str | None
    last_id: str | None
    has_more: bool
