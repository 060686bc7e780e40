"""Class activation maps: splits a logit exactly into what each cell of the last feature grid adds to it.

The parts of a logit are (weight · cell + bias) / number of cells, and sum to it; see `models/classifier.py`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.classifier import Classifier

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LogitTarget:
    """The logit of a class, or its lead over `against`: for two classes under softmax, the log-odds of the first."""

    index: int
    against: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LogitParts:
    """`cells` is (height, width), rows from the top; `bias` is the share of their sum that belongs to no place."""

    cells: Floats
    bias: float

    @property
    def total(self) -> float:
        return float(self.cells.sum())


def decompose_logit(grid: Floats, classifier: Classifier, target: LogitTarget) -> LogitParts:
    """`grid` is (height, width, channels). The bias belongs to no place, so it is spread evenly."""
    weight, bias = classifier.weight[target.index], classifier.bias[target.index]
    if target.against is not None:
        weight, bias = weight - classifier.weight[target.against], bias - classifier.bias[target.against]
    height, width = grid.shape[:2]
    return LogitParts((grid @ weight + bias) / np.float32(height * width), float(bias))
