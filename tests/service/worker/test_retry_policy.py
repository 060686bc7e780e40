"""Which errors end a job, and which lead to another attempt."""

import pytest

from models.errors import KernelSightError, Overloaded
from pipelines.errors import ImageEmpty, PipelineUnavailable
from service.errors import FilesUnavailable
from service.queue.errors import PermanentFailure, QueueUnavailable, TemporaryFailure
from service.worker.retry_policy import to_job_failure


@pytest.mark.parametrize(
    ("error", "kind", "after"),
    [
        (ImageEmpty(), PermanentFailure, None),
        (QueueUnavailable("redis://inner: away"), TemporaryFailure, None),
        (PipelineUnavailable("objects", "its files are missing"), TemporaryFailure, None),
        (FilesUnavailable("s3 is away"), TemporaryFailure, None),
        (Overloaded("the encoder", 8, retry_seconds=3), TemporaryFailure, 3),
    ],
    ids=lambda one: type(one).__name__,
)
def test_temporary_errors_are_retried(error: KernelSightError, kind: type[Exception], after: float | None) -> None:
    failure = to_job_failure(error)

    assert type(failure) is kind
    assert getattr(failure, "after_seconds", None) == after
