"""The interface of both face detectors, and the calibration of their scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.arrays import Array
from pipelines.faces.candidates import Candidates, Floats
from pipelines.faces.canvas import MipPyramid
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed


@dataclass(frozen=True, slots=True)
class Calibration:
    """Maps raw scores to the share of such candidates that are faces, by logistic regression on their logits.

    Fitted on labelled photographs by `benchmarks/faces_calibrate.py`. `verified` weighs detector and verifier, for
    candidates that the verifier saw; `unverified` weighs the detector alone, for those too small or too weak.
    """

    verified: tuple[float, float, float]  # constant, detector, verifier
    unverified: tuple[float, float]  # constant, detector
    smallest_verified: float = 20.0  # pixels of the picture; below, an enlarged crop shows nothing new
    weakest_verified: float = 0.0  # detector's score; below, no score of the verifier makes a candidate a face

    def score(self, detector: Floats, verifier: Floats, was_verified: NDArray[np.bool_]) -> Floats:
        """(N,) raw scores to (N,) calibrated scores."""
        constant, detector_weight, verifier_weight = self.verified
        both = constant + detector_weight * logit(detector) + verifier_weight * logit(verifier)
        alone = self.unverified[0] + self.unverified[1] * logit(detector)
        scores: Floats = (1 / (1 + np.exp(-np.where(was_verified, both, alone)))).astype(np.float32)
        return scores


def logit(probability: Floats) -> Floats:
    """The probability is bounded at 0.001 and 0.999: beyond, a net is saturated and says no more."""
    bounded = probability.clip(1e-3, 1 - 1e-3)
    odds: Floats = np.log(bounded / (1 - bounded))
    return odds


@dataclass(frozen=True, slots=True)
class Proposals:
    """`finest_scale` is the largest scale of the search, in canvas pixels for one of the picture's.

    `has_hints` is False where nothing hints at a face, not even at one that lies on its side or fills the picture:
    a search for those is then of no use.
    """

    candidates: Candidates
    finest_scale: float
    has_hints: bool = True


class Detector(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def models(self) -> list[ModelUsed]: ...

    @property
    def calibration(self) -> Calibration: ...

    @property
    def filling_calibration(self) -> Calibration:
        """For candidates that fill the picture, found with room around it."""

    @property
    def smallest_on_canvas(self) -> float:
        """Side, in pixels on the canvas, of the smallest face that the detector finds reliably."""

    async def propose(
        self, mips: MipPyramid, *, smallest_face: float | None, is_thorough: bool, context: RunContext
    ) -> Proposals:
        """Candidates in the picture's pixels with raw scores, overlaps removed.

        `smallest_face` is the side of the smallest face wanted, in the picture's pixels; None lets the detector decide.
        Without `is_thorough` the detector makes one pass, however small the faces are that it sees.
        """


async def infer_timed(
    infer: Infer, model: str, inputs: Mapping[str, Array], context: RunContext
) -> Mapping[str, Array]:
    """Run one inference and add its waiting and running to the run's timings."""
    inference = await infer(model, inputs, priority=context.priority, deadline=context.deadline)
    context.record_inference(inference)
    return inference.outputs
