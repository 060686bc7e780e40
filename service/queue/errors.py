"""Errors of the queue.

KernelSightError
├── Overloaded
│   └── QueueFull           the queue has reached its depth
├── QueueUnavailable        the server does not answer, or refuses the command
│   └── QueueServerFull     the server has no memory left (also a StorageFull)
├── StorageFull
│   └── ResultsFull         the results that are kept take all the bytes that they may
├── JobUnknown              never existed, or is no longer kept
├── IdempotencyConflict     the key belongs to a job with other work
└── JobNotDead              only a dead letter can be inspected, requeued or dropped

PermanentFailure and TemporaryFailure are what a handler raises. They never leave the worker, and so are not
KernelSightErrors.
"""

from models.errors import KernelSightError, Overloaded
from service.errors import StorageFull
from service.queue.types import Problem


class QueueFull(Overloaded):
    code = "queue-full"


class QueueUnavailable(KernelSightError):
    code = "queue-unavailable"


class QueueServerFull(StorageFull, QueueUnavailable):
    """Workers keep what they could not write, and try again, as when the server does not answer."""


class ResultsFull(StorageFull):
    def __init__(self, limit: int) -> None:
        super().__init__(f"the jobs that have ended take {limit:,} bytes or more (KERNELSIGHT_RESULT_BYTES)")


class JobUnknown(KernelSightError):
    code = "job-unknown"

    def __init__(self, id: str) -> None:
        super().__init__(f"there is no job {id!r}: it never was, or its time is over")


class IdempotencyConflict(KernelSightError):
    code = "idempotency-conflict"

    def __init__(self, key: str, id: str) -> None:
        super().__init__(f"the idempotency key {key!r} belongs to job {id!r}, which does something else")


class JobNotDead(KernelSightError):
    code = "job-not-dead"

    def __init__(self, id: str, state: str) -> None:
        super().__init__(f"job {id!r} is {state}, not a dead letter")


class PermanentFailure(Exception):
    """Another attempt would fail, too: the job has failed, and `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.get("detail", ""))
        self.problem = problem


class TemporaryFailure(Exception):
    """The job is tried again, at the earliest after `after_seconds`; after its last attempt it is a dead letter."""

    def __init__(self, problem: Problem, after_seconds: float | None = None) -> None:
        super().__init__(problem.get("detail", ""))
        self.problem = problem
        self.after_seconds = after_seconds
