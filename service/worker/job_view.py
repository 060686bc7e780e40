"""The wire form of a job, for REST and callbacks."""

from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field

from models.priority import Priority
from service.queue.types import JobProgress, JobResult, JobState, JobStatus

_INLINE_BYTES = 512 * 1024  # a larger JSON result has to be fetched from `result_url`


class JobView(BaseModel):
    """Times are Unix seconds; the job belongs to `tenant`.

    `result` is the operation's answer if that is JSON of at most 512 KiB. `result_url` gives the answer as the
    operation's own route would.
    """

    id: str
    object: Literal["job"] = "job"
    state: JobState
    priority: Priority
    attempts: int
    created_at: float
    started_at: float | None = None
    ended_at: float | None = None
    progress: JobProgress | None = None
    error: dict[str, Any] | None = Field(default=None, description="a problem, as in problem+json")
    result: Any = None
    result_url: str | None = None
    tenant: str | None = None

    @classmethod
    def from_status(cls, status: JobStatus, result: JobResult | None = None) -> "JobView":
        return cls(
            id=status.id,
            state=status.state,
            priority=status.priority,
            attempts=status.attempts,
            created_at=status.created,
            started_at=status.started,
            ended_at=status.ended,
            progress=status.progress,
            error=status.error,
            result=_inline_result(result),
            result_url=f"/v1/jobs/{status.id}/result" if status.state == "done" else None,
            tenant=status.tenant,
        )


def _inline_result(result: JobResult | None) -> Any:
    if result is None or result.media_type != "application/json" or len(result.body) > _INLINE_BYTES:
        return None
    return orjson.loads(result.body)
