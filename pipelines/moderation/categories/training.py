"""Trains a head from images of a category and images of everything else: seconds of work on one core.

Only this module imports scikit-learn, and only when something is trained: it costs a second and 80 MB.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.moderation.categories.evaluation import (
    REPORTED_THRESHOLDS,
    Labels,
    Scores,
    compute_roc_auc_interval,
    measure_at_threshold,
    recommend_thresholds,
)
from pipelines.moderation.categories.head import (
    Head,
    HeadReport,
    TrainingSet,
    check_name,
    flatten_embeddings,
    normalise_length,
    sigmoid,
)
from pipelines.moderation.categories.near_duplicates import describe_near_duplicates, find_near_duplicates, group_pairs
from pipelines.moderation.errors import TrainingRejected
from pipelines.types import ModelUsed

MIN_IMAGES = 10  # distinct images of each kind
FEW, UNBALANCED, WEAK = 50, 5, 0.9  # the limits of a report's warnings: images, ratio, ROC AUC

FOLDS = 5
STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1000.0)  # sklearn's C, for points about 1 apart

# Each dimension is divided by its deviation, but by no less than about a third of the mean one: with few images
# some dimensions hardly vary, and would dominate once they do.
_FLOOR = 0.1

Vectors = NDArray[np.float64]


def fit_head(name: str, positives: Vectors, negatives: Vectors, encoder: ModelUsed) -> Head:
    """Fit a head to embeddings (N, C) and (M, C). The same ones in the same order give the same head.

    Raises CategoryNameInvalid, or TrainingRejected for too few images and for classes that look the same.
    """
    from threadpoolctl import threadpool_limits

    check_name(name)
    embeddings = np.concatenate([positives, negatives])
    labels = np.repeat(np.array([1, 0]), [len(positives), len(negatives)])
    pairs = find_near_duplicates(normalise_length(embeddings))
    groups = group_pairs(pairs, len(labels))
    counts = _count_images(labels, groups)
    vectors = flatten_embeddings(embeddings)
    mean, deviation = _compute_scaling(vectors)
    with threadpool_limits(1, user_api="blas"):  # the other cores serve requests
        points, axes = _reduce_dimensions((vectors - mean) / deviation)
        repeats = min(5, max(1, 400 // len(labels)))  # with few images one division into folds depends on luck
        strength = _choose_strength(points, labels, groups)
        logits = np.mean([_predict_unseen(points, labels, groups, strength, seed) for seed in range(repeats)], axis=0)
        slope, offset = _fit_sigmoid(logits, labels)
        if slope <= 0:
            raise TrainingRejected(f"{name!r}: positives and negatives look the same to {encoder.id}")
        final = _fit_regression(points, labels, strength)
    weights = (final.coef_[0] @ axes) / deviation
    warnings = _make_warnings(counts, describe_near_duplicates(pairs, labels))
    return Head.of(
        name=name,
        encoder=encoder,
        training=counts,
        report=_make_report(sigmoid(slope * logits + offset), labels, repeats, warnings),
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
    if min(positives, negatives) < MIN_IMAGES:
        raise TrainingRejected(
            f"{positives} positive and {negatives} negative {of}; a category takes at least {MIN_IMAGES} of each"
        )


def _count_images(labels: Labels, groups: NDArray[np.int64]) -> TrainingSet:
    distinct = [len(np.unique(groups[labels == label])) for label in (1, 0)]
    check_counts(*distinct, of="distinct images, near-duplicates counted once")
    positives, negatives = (int((labels == label).sum()) for label in (1, 0))
    return TrainingSet(
        positives=positives, negatives=negatives, distinct_positives=distinct[0], distinct_negatives=distinct[1]
    )


def _compute_scaling(vectors: Vectors) -> tuple[Vectors, Vectors]:
    """Mean and deviation (C,), the latter such that scaled vectors are about 1 long."""
    variance = vectors.var(0)
    blended = (1 - _FLOOR) * variance + _FLOOR * variance.mean()
    return vectors.mean(0), np.sqrt(blended * vectors.shape[1]) + 1e-12


def _reduce_dimensions(vectors: Vectors) -> tuple[Vectors, Vectors]:
    """The same points in as few dimensions as they span, and the axes of these: (N, R) and (R, C).

    The rotation does not change a ridge regression, and makes it many times faster.
    """
    left, sizes, axes = np.linalg.svd(vectors, full_matrices=False)
    return left * sizes, axes


def _split_folds(
    labels: Labels, groups: NDArray[np.int64], seed: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the rows to train on and the rows to test with; near-duplicates are always on the same side."""
    from sklearn.model_selection import StratifiedGroupKFold

    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    return folds.split(np.zeros(len(labels)), labels, groups)  # type: ignore[no-any-return]


def _choose_strength(points: Vectors, labels: Labels, groups: NDArray[np.int64]) -> float:
    """The regularisation strength that predicts unseen folds best.

    It is chosen once for all folds: their logits are compared with each other, and the strength sets their scale.
    """
    from sklearn.linear_model import LogisticRegressionCV

    search = LogisticRegressionCV(
        Cs=STRENGTHS,
        cv=list(_split_folds(labels, groups, seed=0)),
        scoring="neg_log_loss",
        l1_ratios=(0,),
        max_iter=1000,
        use_legacy_attributes=False,
    ).fit(points, labels)
    return float(search.C_)


def _predict_unseen(points: Vectors, labels: Labels, groups: NDArray[np.int64], strength: float, seed: int) -> Scores:
    """(N,) logits, each from a head that was trained without that image."""
    logits = np.empty(len(labels))
    for train, test in _split_folds(labels, groups, seed):
        logits[test] = _fit_regression(points[train], labels[train], strength).decision_function(points[test])
    return logits


def _fit_regression(points: Vectors, labels: Labels, strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, max_iter=1000).fit(points, labels)


def _fit_sigmoid(logits: Scores, labels: Labels) -> tuple[float, float]:
    """Slope and offset that turn logits into probabilities, less extreme for few images.

    Platt, Advances in Large Margin Classifiers (1999): each image counts mostly as its own label and a little as the
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


def _make_report(scores: Scores, labels: Labels, repeats: int, warnings: list[str]) -> HeadReport:
    from sklearn.metrics import average_precision_score, roc_auc_score

    auc = float(roc_auc_score(labels, scores))
    review, block = recommend_thresholds(scores, labels)
    if auc < WEAK:
        warnings.append(f"ROC AUC {auc:.2f}: the encoder hardly sees the difference; look for clearer examples")
    return HeadReport(
        roc_auc=round(auc, 4),
        roc_auc_interval=compute_roc_auc_interval(auc, int((labels == 1).sum()), int((labels == 0).sum())),
        average_precision=round(float(average_precision_score(labels, scores)), 4),
        thresholds=[measure_at_threshold(scores, labels, threshold) for threshold in REPORTED_THRESHOLDS],
        review_threshold=review,
        block_threshold=block,
        folds=FOLDS,
        repeats=repeats,
        warnings=warnings,
    )


def _make_warnings(counts: TrainingSet, near_duplicates: list[str]) -> list[str]:
    warnings = [
        f"{found} distinct {kind}: thresholds move with every image; {FEW} or more are better"
        for kind, found in (("positives", counts.distinct_positives), ("negatives", counts.distinct_negatives))
        if found < FEW
    ]
    fewer, more = sorted((counts.positives, counts.negatives))
    if more > UNBALANCED * fewer:
        warnings.append(f"{counts.positives} positives to {counts.negatives} negatives: scores are calibrated to that")
    return warnings + near_duplicates
