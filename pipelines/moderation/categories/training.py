"""A head from images of a category and images of everything else: seconds of work on one core.

scikit-learn is imported here alone, and only when something is trained: it costs a second and 80 MB.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.moderation.categories.evaluation import (
    CANDIDATES,
    Labels,
    Scores,
    at_threshold,
    recommend,
    roc_auc_interval,
)
from pipelines.moderation.categories.head import Head, Report, TrainingSet, check_name, flattened, sigmoid, unit
from pipelines.moderation.categories.near_duplicates import duplicates, groups_of, in_words
from pipelines.moderation.errors import TrainingRejected
from pipelines.types import ModelUsed

LEAST = 10  # distinct images of each kind
FEW, UNBALANCED, WEAK = 50, 5, 0.9  # what a report warns of: images, ratio, ROC AUC

FOLDS = 5
STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1000.0)  # sklearn's C, for points about 1 apart

# Each dimension is divided by its deviation, but by no less than about a third of the mean one: with few images
# some dimensions hardly vary, and would count without measure once they do.
_FLOOR = 0.1

Vectors = NDArray[np.float64]


def fit(name: str, positives: Vectors, negatives: Vectors, encoder: ModelUsed) -> Head:
    """A head from embeddings (N, C) and (M, C). The same ones in the same order give the same head.

    Raises CategoryNameInvalid, or TrainingRejected for too few images and for classes that look the same.
    """
    from threadpoolctl import threadpool_limits

    check_name(name)
    embeddings = np.concatenate([positives, negatives])
    labels = np.repeat(np.array([1, 0]), [len(positives), len(negatives)])
    pairs = duplicates(unit(embeddings))
    groups = groups_of(pairs, len(labels))
    counts = _counted(labels, groups)
    vectors = flattened(embeddings)
    mean, deviation = _scaling(vectors)
    with threadpool_limits(1, user_api="blas"):  # the other cores belong to those who wait for an answer
        points, axes = _compact((vectors - mean) / deviation)
        repeats = min(5, max(1, 400 // len(labels)))  # few images: the luck of one division into folds is large
        strength = _strength(points, labels, groups)
        logits = np.mean([_unseen_logits(points, labels, groups, strength, seed) for seed in range(repeats)], axis=0)
        slope, offset = _platt(logits, labels)
        if slope <= 0:
            raise TrainingRejected(f"{name!r}: positives and negatives look the same to {encoder.id}")
        final = _regression(points, labels, strength)
    weights = (final.coef_[0] @ axes) / deviation
    return Head.of(
        name=name,
        encoder=encoder,
        training=counts,
        report=_report(sigmoid(slope * logits + offset), labels, repeats, _warnings(counts, in_words(pairs, labels))),
        created=datetime.now(UTC),
        kernelsight=version("kernelsight"),
        dimension=len(weights),
        weights=tuple(float(f"{weight:.8g}") for weight in weights),
        bias=float(final.intercept_[0] - mean @ weights),
        slope=slope,
        offset=offset,
    )


def check_counts(positives: int, negatives: int, *, of: str = "images") -> None:
    """Raises TrainingRejected where there are too few of one kind."""
    if min(positives, negatives) < LEAST:
        raise TrainingRejected(
            f"{positives} positive and {negatives} negative {of}; a category takes at least {LEAST} of each"
        )


def _counted(labels: Labels, groups: NDArray[np.int64]) -> TrainingSet:
    distinct = [len(np.unique(groups[labels == label])) for label in (1, 0)]
    check_counts(*distinct, of="distinct images, near-duplicates counted once")
    positives, negatives = (int((labels == label).sum()) for label in (1, 0))
    return TrainingSet(
        positives=positives, negatives=negatives, distinct_positives=distinct[0], distinct_negatives=distinct[1]
    )


def _scaling(vectors: Vectors) -> tuple[Vectors, Vectors]:
    """Mean and deviation (C,), the latter such that scaled vectors are about 1 long."""
    variance = vectors.var(0)
    blended = (1 - _FLOOR) * variance + _FLOOR * variance.mean()
    return vectors.mean(0), np.sqrt(blended * vectors.shape[1]) + 1e-12


def _compact(vectors: Vectors) -> tuple[Vectors, Vectors]:
    """The same points in as few dimensions as they span, and those as axes: (N, R) and (R, C).

    Ridge regression does not see the turn, and is many times faster for it.
    """
    left, sizes, axes = np.linalg.svd(vectors, full_matrices=False)
    return left * sizes, axes


def _folds(
    labels: Labels, groups: NDArray[np.int64], seed: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows to train on and rows to test with; near-duplicates are always on the same side."""
    from sklearn.model_selection import StratifiedGroupKFold

    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    return folds.split(np.zeros(len(labels)), labels, groups)  # type: ignore[no-any-return]


def _strength(points: Vectors, labels: Labels, groups: NDArray[np.int64]) -> float:
    """The one that predicts unseen folds best.

    It is chosen once for all heads: their logits are compared with each other, and its choice sets their scale.
    """
    from sklearn.linear_model import LogisticRegressionCV

    search = LogisticRegressionCV(
        Cs=STRENGTHS,
        cv=list(_folds(labels, groups, seed=0)),
        scoring="neg_log_loss",
        l1_ratios=(0,),
        max_iter=1000,
        use_legacy_attributes=False,
    ).fit(points, labels)
    return float(search.C_)


def _unseen_logits(points: Vectors, labels: Labels, groups: NDArray[np.int64], strength: float, seed: int) -> Scores:
    """(N,) logits, each by a head that was trained without that image."""
    logits = np.empty(len(labels))
    for train, test in _folds(labels, groups, seed):
        logits[test] = _regression(points[train], labels[train], strength).decision_function(points[test])
    return logits


def _regression(points: Vectors, labels: Labels, strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, max_iter=1000).fit(points, labels)


def _platt(logits: Scores, labels: Labels) -> tuple[float, float]:
    """Slope and offset that make probabilities of logits, drawn in a little so that few images claim no certainty.

    Platt, Advances in Large Margin Classifiers (1999): each image counts as mostly its own label and a little the
    other one.
    """
    from sklearn.linear_model import LogisticRegression

    positives, negatives = int((labels == 1).sum()), int((labels == 0).sum())
    wanted = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    curve = LogisticRegression(C=np.inf, max_iter=1000).fit(
        np.concatenate([logits, logits])[:, None],
        np.repeat([1, 0], len(labels)),
        sample_weight=np.concatenate([wanted, 1 - wanted]),
    )
    return float(curve.coef_[0, 0]), float(curve.intercept_[0])


def _report(scores: Scores, labels: Labels, repeats: int, warnings: list[str]) -> Report:
    from sklearn.metrics import average_precision_score, roc_auc_score

    auc = float(roc_auc_score(labels, scores))
    review, block = recommend(scores, labels)
    if auc < WEAK:
        warnings.append(f"ROC AUC {auc:.2f}: the encoder hardly sees the difference; look for clearer examples")
    return Report(
        roc_auc=round(auc, 4),
        roc_auc_interval=roc_auc_interval(auc, int((labels == 1).sum()), int((labels == 0).sum())),
        average_precision=round(float(average_precision_score(labels, scores)), 4),
        thresholds=[at_threshold(scores, labels, threshold) for threshold in CANDIDATES],
        review_threshold=review,
        block_threshold=block,
        folds=FOLDS,
        repeats=repeats,
        warnings=warnings,
    )


def _warnings(counts: TrainingSet, near_duplicates: list[str]) -> list[str]:
    warnings = [
        f"{found} distinct {kind}: thresholds move with every image; {FEW} or more are better"
        for kind, found in (("positives", counts.distinct_positives), ("negatives", counts.distinct_negatives))
        if found < FEW
    ]
    fewer, more = sorted((counts.positives, counts.negatives))
    if more > UNBALANCED * fewer:
        warnings.append(f"{counts.positives} positives to {counts.negatives} negatives: scores are calibrated to that")
    return warnings + near_duplicates
