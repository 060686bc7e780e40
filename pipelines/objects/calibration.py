"""Fused scores as chances: the chance that a box is right, that a label is in the picture, and how often.

Three small models, fitted on labelled photographs of COCO val2017 by `benchmarks/objects_calibrate.py`, which prints
these constants. Few, because the photographs are few: person is the only class with a constant of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.nms import Floats
from pipelines.objects.detections import Detections
from pipelines.objects.fusion import pairwise_iou

FLOOR = 0.01  # scores under this say the same
RIVAL_IOU = 0.6  # boxes of two classes that overlap more show one thing


@dataclass(frozen=True, slots=True)
class LabelEvidence:
    """For each of L classes that was detected at all: its best score, its second best, and the best score of another
    class at the place of the best; (L,) each.
    """

    classes: NDArray[np.intp]
    best: Floats
    second: Floats
    rival: Floats


@dataclass(frozen=True, slots=True)
class ObjectsCalibration:
    """`box` weighs 1, the score's log odds, and whether it is a person; `label` 1 and the log odds of the evidence.

    `cuts` are pairs: a precision, and the chance from which on labels are stated so that it is reached.
    """

    box: tuple[float, float, float]
    label: tuple[float, float, float, float]
    cuts: Sequence[tuple[float, float]]
    # Under some .25 nearly all boxes are wrong, and the fit's chances too small to rank by: there the score is this
    # multiple of the fused one.
    tail: float = 0.7

    def rate_boxes(self, found: Detections) -> Floats:
        """(N,): the chance that a box has the right label, and an intersection over union of .5 with such an object."""
        constant, slope, person = self.box
        chances = expit(constant + slope * logit(found.scores) + person * (found.classes == 0))
        rated: Floats = np.maximum(chances, self.tail * found.scores)
        return rated

    def rate_labels(self, evidence: LabelEvidence) -> Floats:
        """(L,): the chance that the picture shows such an object."""
        constant, best, second, rival = self.label
        odds = best * logit(evidence.best) + second * logit(evidence.second) + rival * logit(evidence.rival)
        return expit(odds + constant)

    def choose_cut(self, precision: float) -> float:
        """The chance from which on a label is stated so that `precision` of the stated ones are right."""
        precisions, cuts = zip(*self.cuts, strict=True)
        return float(np.interp(precision, precisions, cuts))


def gather_evidence(found: Detections) -> LabelEvidence:
    """`found` has the best score first."""
    classes, firsts = np.unique(found.classes, return_index=True)
    is_own = classes[:, None] == found.classes
    is_further = is_own & (np.arange(len(found)) != firsts[:, None])
    is_rival = ~is_own & (pairwise_iou(found.boxes[firsts], found.boxes) > RIVAL_IOU)
    second, rival = (np.where(one, found.scores, 0).max(axis=1, initial=0) for one in (is_further, is_rival))
    return LabelEvidence(classes, found.scores[firsts], second, rival)


def logit(scores: Floats) -> Floats:
    """Log odds; scores under FLOOR count as that."""
    bounded = scores.clip(FLOOR, 1 - FLOOR / 100)
    odds: Floats = np.log(bounded / (1 - bounded))
    return odds


def expit(odds: Floats) -> Floats:
    chances: Floats = (1 / (1 + np.exp(-odds))).astype(np.float32)
    return chances


CALIBRATION = ObjectsCalibration(
    box=(0.58, 1.56, 0.32),
    label=(2.24, 1.66, 0.68, -0.29),
    cuts=((0.8, 0.35), (0.9, 0.55), (0.95, 0.72), (0.98, 0.87), (0.99, 0.97)),
)
