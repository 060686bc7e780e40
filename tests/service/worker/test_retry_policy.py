"""Which errors end a job, and which only put it off."""

import pytest

from models.errors import KernelSightError, Overloaded
from pipelines.errors import ImageEmpty
from service.batches.errors import FilesUnavailable
from service.queue.errors import PermanentFailure, QueueUnavailable, TemporaryFailure
from service.worker.retry_policy import failure_of


@pytest.mark.parametrize(
    ("error", "kind", "after"),
    [
        (ImageEmpty(), PermanentFailure, None),
        (QueueUnavailable("redis://inner: away"), TemporaryFailure, None),
        (FilesUnavailable("s3 is away"), TemporaryFailure, None),
        (Overloaded("the encoder", 8, retry_seconds=3), TemporaryFailure, 3),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_may_be_answered_later_is_tried_again(
    error: KernelSightError, kind: type[Exception], after: float | None
) -> None:
    failure = failure_of(error)

    assert (type(failure), getattr(failure, "after_seconds", None)) == (kind, after)
