"""Measures a head on images whose answer is known: the numbers of its report.

Scores are (N,), 0-1; labels are (N,), 1 for the category and 0 for everything else.
"""

from collections.abc import Callable
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from pipelines.moderation.categories.head import ThresholdMetrics

Scores = NDArray[np.float64]
Labels = NDArray[np.int64]

REPORTED_THRESHOLDS = (0.2, 0.3, 0.5, 0.7, 0.8, 0.9)
TARGET = 0.95  # the recall that a review threshold must have, and the precision of a block threshold


def measure_at_threshold(scores: Scores, labels: Labels, threshold: float) -> ThresholdMetrics:
    is_over = scores >= threshold
    hits, alarms = int((is_over & (labels == 1)).sum()), int((is_over & (labels == 0)).sum())
    positives, negatives = int((labels == 1).sum()), int((labels == 0).sum())
    return ThresholdMetrics(
        threshold=threshold,
        precision=round(hits / (hits + alarms), 4) if hits + alarms else None,
        recall=round(hits / positives, 4),
        f1=round(2 * hits / (positives + hits + alarms), 4),
        false_positive_rate=round(alarms / negatives, 4),
    )


def recommend_thresholds(scores: Scores, labels: Labels) -> tuple[float | None, float | None]:
    """The thresholds for review and block, in hundredths; None where `TARGET` is never reached.

    They are the highest one with enough recall, and the lowest one from which on precision is always enough. Where
    the two overlap, both ends of the overlap have both: the lower one is for review, the higher one for block.
    """
    rows = [measure_at_threshold(scores, labels, step / 100) for step in range(1, 100)]
    review = max((row.threshold for row in rows if row.recall >= TARGET), default=None)
    block = None
    for row in reversed(rows):
        if row.precision is not None and row.precision < TARGET:
            break
        block = row.threshold if row.precision is not None else None
    if review is not None and block is not None:
        return min(review, block), max(review, block)
    return review, block


def compute_roc_auc_interval(auc: float, positives: int, negatives: int) -> tuple[float, float]:
    """The 95 % confidence interval of an AUC, which also holds for few images and for an AUC of 1.

    Newcombe, Statistics in Medicine 25 (2006), 559-573, method 5: the AUCs from which the one found is less than
    1.96 standard errors away, where the error is Hanley and McNeil's at that AUC.
    """

    def is_within(one: float) -> bool:
        more = (positives + negatives) / 2 - 1
        spread = one * (1 - one) * (1 + more * ((1 - one) / (2 - one) + one / (1 + one))) / (positives * negatives)
        return abs(auc - one) <= 1.96 * sqrt(max(spread, 0.0))

    return _find_edge(is_within, auc, 0.0), _find_edge(is_within, auc, 1.0)


def _find_edge(is_within: Callable[[float], bool], inside: float, outside: float) -> float:
    """Where `is_within` changes on the way from `inside` to `outside`, by bisection."""
    for _ in range(40):
        middle = (inside + outside) / 2
        if is_within(middle):
            inside = middle
        else:
            outside = middle
    return round(inside, 4)
