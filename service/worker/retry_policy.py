"""Which errors of an operation are worth another try, and what is told of them."""

from models.errors import DeadlineExceeded, InferenceFailed, KernelSightError, ModelMissing, Overloaded
from service.batches.errors import FilesNotWritable, FilesUnavailable
from service.errors import NotReady, UrlFetchFailed, WebhookFailed
from service.problems import problem_of
from service.queue.errors import PermanentFailure, QueueUnavailable, TemporaryFailure

# The same request may be answered later, or by another worker.
_PASSING = (
    Overloaded,
    DeadlineExceeded,
    FilesNotWritable,
    FilesUnavailable,
    InferenceFailed,
    ModelMissing,
    NotReady,
    QueueUnavailable,
    UrlFetchFailed,
    WebhookFailed,
)


def failure_of(error: KernelSightError) -> PermanentFailure | TemporaryFailure:
    """What the queue is told."""
    problem = problem_of(error)
    if not isinstance(error, _PASSING):
        return PermanentFailure(problem)
    return TemporaryFailure(problem, error.retry_seconds if isinstance(error, Overloaded) else None)
