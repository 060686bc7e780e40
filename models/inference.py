"""The result of one inference, and the record of a batch that observers receive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from models.arrays import Array
from models.priority import Priority
from models.runtime.model_info import ModelInfo


@dataclass(frozen=True, slots=True)
class Inference:
    """One request's own rows of the batch, and where its time went, in seconds.

    `outputs` have a leading axis of rows after `infer_many`, and none after `infer`. `model_info` says which
    graph computed them.
    """

    outputs: Mapping[str, Array]
    wait_seconds: float
    run_seconds: float
    batch_size: int
    model_info: ModelInfo | None = None


ReleaseReason = Literal["full", "free"]


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """One batch that has run; observers receive it on the session worker's thread.

    `waits` has for each request in it the priority, and the seconds that it was queued. `release_reason` says why
    the batch was no larger: it was `full`, or a worker was `free` and took what was queued.
    """

    model: str
    size: int
    run_seconds: float
    waits: Sequence[tuple[Priority, float]]
    release_reason: ReleaseReason
    failed: bool
