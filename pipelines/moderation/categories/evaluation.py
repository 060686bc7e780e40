"""What scores of images are worth whose answer is known: the numbers that a head's report is made of.

Scores are (N,), 0-1; labels are (N,), 1 for the category and 0 for everything else.
"""

from collections.abc import Callable
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from pipelines.moderation.categories.head import AtThreshold

Scores = NDArray[np.float64]
Labels = NDArray[np.int64]

CANDIDATES = (0.2, 0.3, 0.5, 0.7, 0.8, 0.9)
WANTED = 0.95  # the recall that a review threshold has to have, and the precision that a block threshold has to


def at_threshold(scores: Scores, labels: Labels, threshold: float) -> AtThreshold:
    said = scores >= threshold
    hits, alarms = int((said & (labels == 1)).sum()), int((said & (labels == 0)).sum())
    positives, negatives = int((labels == 1).sum()), int((labels == 0).sum())
    return AtThreshold(
        threshold=threshold,
        precision=round(hits / (hits + alarms), 4) if hits + alarms else None,
        recall=round(hits / positives, 4),
        f1=round(2 * hits / (positives + hits + alarms), 4),
        false_positive_rate=round(alarms / negatives, 4),
    )


def recommend(scores: Scores, labels: Labels) -> tuple[float | None, float | None]:
    """Thresholds to review and to block from, in hundredths; None where what is wanted is never reached.

    The highest one with enough recall, and the lowest one from which on precision is always enough. Where the
    two overlap, either end of the overlap has both: the lower one is for review, the higher one blocks.
    """
    rows = [at_threshold(scores, labels, step / 100) for step in range(1, 100)]
    review = max((row.threshold for row in rows if row.recall >= WANTED), default=None)
    block = None
    for row in reversed(rows):
        if row.precision is not None and row.precision < WANTED:
            break
        block = row.threshold if row.precision is not None else None
    if review is not None and block is not None:
        return min(review, block), max(review, block)
    return review, block


def roc_auc_interval(auc: float, positives: int, negatives: int) -> tuple[float, float]:
    """A 95 % confidence interval that is honest for few images, and for an AUC of 1 as well.

    Newcombe, Statistics in Medicine 25 (2006), 559-573, method 5: the AUCs from which the one found is less than
    1.96 standard errors away, where the error is Hanley and McNeil's at that AUC.
    """

    def is_within(one: float) -> bool:
        more = (positives + negatives) / 2 - 1
        spread = one * (1 - one) * (1 + more * ((1 - one) / (2 - one) + one / (1 + one))) / (positives * negatives)
        return abs(auc - one) <= 1.96 * sqrt(max(spread, 0.0))

    return _edge(is_within, auc, 0.0), _edge(is_within, auc, 1.0)


def _edge(is_within: Callable[[float], bool], inside: float, outside: float) -> float:
    """Where `is_within` changes on the way from `inside` to `outside`, by bisection."""
    for _ in range(40):
        middle = (inside + outside) / 2
        if is_within(middle):
            inside = middle
        else:
            outside = middle
    return round(inside, 4)
