"""What both detectors are: something that proposes candidates anywhere in a picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.arrays import Array
from pipelines.faces.candidates import Candidates, Floats
from pipelines.faces.canvas import Mips
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed


@dataclass(frozen=True, slots=True)
class Calibration:
    """Raw scores to the share of such candidates that are faces: logistic regression on their logits.

    Fitted on labelled photographs by `benchmarks/faces_calibrate.py`. `checked` weighs detector and second
    net, for candidates that were checked by it; `unchecked` weighs the detector alone, for those too small
    or too weak.
    """

    checked: tuple[float, float, float]  # constant, detector, second net
    unchecked: tuple[float, float]  # constant, detector
    smallest_checked: float = 20.0  # pixels of the picture; below, an enlarged crop says nothing new
    weakest_checked: float = 0.0  # detector's score; below, the second net, however sure, makes no face of a candidate

    def score(self, detector: Floats, second: Floats, was_checked: NDArray[np.bool_]) -> Floats:
        """(N,) raw scores to (N,) calibrated scores."""
        constant, by_detector, by_second = self.checked
        both = constant + by_detector * logit(detector) + by_second * logit(second)
        alone = self.unchecked[0] + self.unchecked[1] * logit(detector)
        scores: Floats = (1 / (1 + np.exp(-np.where(was_checked, both, alone)))).astype(np.float32)
        return scores


def logit(probability: Floats) -> Floats:
    """Bounded at 0.001 and 0.999: what saturates says no more than that."""
    bounded = probability.clip(1e-3, 1 - 1e-3)
    odds: Floats = np.log(bounded / (1 - bounded))
    return odds


@dataclass(frozen=True, slots=True)
class Proposals:
    """`finest` is the largest scale that was looked at, in canvas pixels for one of the picture's.

    Where there is no hint of a face at all, not even of one that lies on its side or fills the picture, it is no use
    to look for those.
    """

    found: Candidates
    finest: float
    has_hints: bool = True


class Detector(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def models(self) -> list[ModelUsed]: ...

    @property
    def calibration(self) -> Calibration: ...

    @property
    def filling(self) -> Calibration:
        """The calibration of candidates that fill a picture which was looked at with room around it."""

    @property
    def smallest(self) -> float:
        """Side, in pixels on the canvas, of the smallest face that it finds reliably."""

    async def propose(self, mips: Mips, *, smallest: float | None, is_thorough: bool, context: RunContext) -> Proposals:
        """Candidates in the picture's pixels with raw scores, overlaps removed.

        `smallest` is the side of the smallest face wanted, in the picture's pixels; None lets the detector decide.
        Without `is_thorough` it looks once, however small the faces are that it sees.
        """


async def timed(infer: Infer, model: str, inputs: Mapping[str, Array], context: RunContext) -> Mapping[str, Array]:
    """One inference whose waiting and running are added to the call's timings."""
    answer = await infer(model, inputs, priority=context.priority, deadline=context.deadline)
    context.record_inference(answer)
    return answer.outputs
