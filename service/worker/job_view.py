"""A job as clients see it, by REST, in events and in callbacks."""

from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field

from models.priority import Priority
from service.queue.types import JobStatus, Outcome, Progress, State

_INLINE = 512 * 1024  # bytes of a JSON result that comes with the job; a larger one is fetched


class JobView(BaseModel):
    """Times are Unix seconds. `result` is the operation's answer where that is JSON and not too large.

    At `result_url` the answer is as the operation's own route would have given it.
    """

    id: str
    object: Literal["job"] = "job"
    state: State
    priority: Priority
    attempts: int
    created_at: float
    started_at: float | None = None
    ended_at: float | None = None
    progress: Progress | None = None
    error: dict[str, Any] | None = Field(default=None, description="a problem, as in problem+json")
    result: Any = None
    result_url: str | None = None

    @classmethod
    def of(cls, status: JobStatus, outcome: Outcome | None = None) -> "JobView":
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
            result=_inline(outcome),
            result_url=f"/v1/jobs/{status.id}/result" if status.state == "done" else None,
        )


def _inline(outcome: Outcome | None) -> Any:
    if outcome is None or outcome.media_type != "application/json" or len(outcome.body) > _INLINE:
        return None
    return orjson.loads(outcome.body)
