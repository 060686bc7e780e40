"""What can go wrong with a job, one class a kind.

KernelSightError
├── Overloaded
│   └── QueueFull           as many wait already as may
├── QueueUnavailable        the server does not answer, or refuses
├── JobUnknown              never was, or has been forgotten
├── IdempotencyConflict     the key names a job that does something else
└── JobNotDead              only a dead letter can be inspected, requeued or dropped

What a handler raises about its job is no KernelSightError, for it never leaves the worker:
PermanentFailure and TemporaryFailure.
"""

from models.errors import KernelSightError, Overloaded
from service.queue.types import Problem


class QueueFull(Overloaded):
    code = "queue-full"


class QueueUnavailable(KernelSightError):
    code = "queue-unavailable"


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
    """It would fail again: the job has failed, and `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.get("detail", ""))
        self.problem = problem


class TemporaryFailure(Exception):
    """It may work later: the job is tried again, at the earliest after `after_seconds`; too often, and it is dead."""

    def __init__(self, problem: Problem, after_seconds: float | None = None) -> None:
        super().__init__(problem.get("detail", ""))
        self.problem = problem
        self.after_seconds = after_seconds
