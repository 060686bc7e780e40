"""Decides which errors of an operation are worth another attempt."""

from models.errors import DeadlineExceeded, InferenceFailed, KernelSightError, ModelMissing, Overloaded
from pipelines.errors import PipelineUnavailable
from service.errors import FilesNotWritable, FilesUnavailable, NotReady, StorageFull, UrlFetchFailed, WebhookFailed
from service.problems import problem_for
from service.queue.errors import PermanentFailure, QueueUnavailable, TemporaryFailure

# The same request may succeed later, or on another worker.
_TEMPORARY = (
    Overloaded,
    DeadlineExceeded,
    FilesNotWritable,
    FilesUnavailable,
    InferenceFailed,
    ModelMissing,
    NotReady,
    PipelineUnavailable,
    QueueUnavailable,
    StorageFull,
    UrlFetchFailed,
    WebhookFailed,
)


def to_job_failure(error: KernelSightError) -> PermanentFailure | TemporaryFailure:
    problem = problem_for(error)
    if not isinstance(error, _TEMPORARY):
        return PermanentFailure(problem)
    return TemporaryFailure(problem, error.retry_seconds if isinstance(error, Overloaded) else None)
