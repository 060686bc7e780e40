"""Class activation maps: what each cell of the last feature grid adds to an answer, exactly.

The parts of a logit are (weight · cell + bias) / number of cells, and sum to it; see `models/classifier.py`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.classifier import Classifier

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Question:
    """A logit, or how far it is ahead of another: for two classes under softmax that is the log-odds of the first."""

    index: int
    against: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """`cells` is (height, width), rows from the top; `bias` is the share of their sum that has no place."""

    cells: Floats
    bias: float

    @property
    def total(self) -> float:
        return float(self.cells.sum())


def parts(grid: Floats, classifier: Classifier, question: Question) -> Parts:
    """`grid` is (height, width, channels). The bias is spread evenly: it speaks for no place."""
    weight, bias = classifier.weight[question.index], classifier.bias[question.index]
    if question.against is not None:
        weight, bias = weight - classifier.weight[question.against], bias - classifier.bias[question.against]
    height, width = grid.shape[:2]
    return Parts((grid @ weight + bias) / np.float32(height * width), float(bias))
