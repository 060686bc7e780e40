"""The result of one inference, and the record of a batch that observers receive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from models.priority import Priority
from models.runtime.model_info import Served
from models.runtime.session import Array


@dataclass(frozen=True, slots=True)
class Inference:
    """One request's own rows of the batch, and where its time went, in seconds.

    `outputs` have a leading axis of rows after `infer_many`, and none after `infer`. `served` is whose they are; the
    runtime says it.
    """

    outputs: Mapping[str, Array]
    wait_seconds: float
    run_seconds: float
    batch_size: int
    served: Served | None = None


Release = Literal["full", "free"]


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """What an observer hears after every batch, from the lane's thread.

    `waits` has the seconds in line of each request in it. `release` says why it was no larger: it was `full`, or a
    lane was `free` and took what was there.
    """

    model: str
    size: int
    run_seconds: float
    waits: Sequence[tuple[Priority, float]]
    release: Release
    failed: bool
