"""The findings of one run of the engine, and the observation of it that observers receive."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel

from models.arrays import Array
from models.priority import Priority
from pipelines.image.decode import Picture
from pipelines.linear_patterns import text_is
from pipelines.pipeline_spec import PipelineSpec, ResultT
from pipelines.run_context import StageTiming
from pipelines.types import ImageInfo, ModelUsed


@dataclass(frozen=True, slots=True)
class Findings:
    """`results` by pipeline, of those that ran; `withheld` names those that did not because a gate refused the image.

    `prompt` has the results in a few lines for a language model; `timings` are seconds by stage; `notes` say what the
    answer could have and does not.
    """

    result_id: str
    image: ImageInfo
    prompt: str
    models: list[ModelUsed]
    timings: dict[str, float]
    results: Mapping[str, BaseModel]
    withheld: list[str] | None = None
    notes: list[str] | None = None

    def of(self, spec: PipelineSpec[Any, ResultT]) -> ResultT:
        """The result of a pipeline that ran; raises KeyError for one that did not."""
        return cast(ResultT, self.results[spec.name])

    def get(self, spec: PipelineSpec[Any, ResultT]) -> ResultT | None:
        return cast(ResultT | None, self.results.get(spec.name))


@dataclass(frozen=True, slots=True)
class Observation:
    """An answered request. `encoded` are the encoder's outputs where it ran: `embedding`, `grid`, `logits`.

    Observers reduce picture and tensors to numbers at once and never keep them.
    """

    findings: Findings
    picture: Picture
    encoded: Mapping[str, Array] | None
    stages: Sequence[StageTiming]
    priority: Priority


# Called on the event loop between the complete answer and its sending, so an observer has to be quick.
Observer = Callable[[Observation], None]

_is_result_id = text_is("res_[0-9a-f]{32}")

_END_OF_DATES = 253_402_300_800.0  # Unix seconds at the end of the year 9999, after which `datetime` has no date


def new_result_id() -> str:
    """`res_` and 32 hexadecimal digits: 12 of Unix milliseconds, as UUIDv7 begins (RFC 9562), and 80 random bits."""
    return f"res_{time.time_ns() // 1_000_000:012x}{random.getrandbits(80):020x}"


def result_time(result_id: str) -> float | None:
    """Unix seconds at which the id was made; None where it is no result id."""
    at = int(result_id[4:16], 16) / 1000 if _is_result_id(result_id) else _END_OF_DATES
    return at if at < _END_OF_DATES else None
