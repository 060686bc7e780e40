"""The numbers of a report, on scores whose metrics can be counted by hand."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from pipelines.moderation.categories.evaluation import (
    compute_roc_auc_interval,
    measure_at_threshold,
    recommend_thresholds,
)


def test_metrics_count_the_scores_that_reach_the_threshold() -> None:
    scores, labels = np.array([0.9, 0.5, 0.4, 0.5, 0.1]), np.array([1, 1, 1, 0, 0])

    row = measure_at_threshold(scores, labels, 0.5)

    is_over = scores >= 0.5
    assert row.precision == pytest.approx(precision_score(labels, is_over), abs=1e-4)
    assert row.recall == pytest.approx(recall_score(labels, is_over), abs=1e-4)
    assert row.f1 == pytest.approx(f1_score(labels, is_over), abs=1e-4)
    assert row.false_positive_rate == pytest.approx(0.5, abs=1e-4)


def test_there_is_no_precision_where_nothing_reaches_the_threshold() -> None:
    row = measure_at_threshold(np.array([0.1, 0.2]), np.array([1, 0]), 0.9)

    assert row.precision is None
    assert row.recall == 0.0
    assert row.f1 == 0.0


def test_recommended_thresholds_reach_the_target() -> None:
    labels = np.repeat([1, 0], [20, 20])
    scores = np.concatenate([np.linspace(0.31, 0.99, 20), np.linspace(0.01, 0.6, 20)])

    review, block = recommend_thresholds(scores, labels)

    assert review is not None
    assert block is not None
    below, above = measure_at_threshold(scores, labels, review), measure_at_threshold(scores, labels, block)
    assert below.recall >= 0.95
    assert above.precision is not None
    assert above.precision >= 0.95
    assert review < 0.6 <= block


def test_in_a_gap_review_takes_the_lower_and_block_the_upper_end() -> None:
    labels, scores = np.repeat([1, 0], [10, 10]), np.repeat([0.8, 0.2], [10, 10])

    assert recommend_thresholds(scores, labels) == (0.21, 0.8)


def test_a_negative_at_the_top_leaves_no_threshold_to_block_from() -> None:
    labels, scores = np.array([0, 1, 1, 1]), np.array([0.95, 0.9, 0.8, 0.7])

    assert recommend_thresholds(scores, labels) == (0.7, None)


def test_scores_of_zero_leave_no_threshold_to_review_from() -> None:
    assert recommend_thresholds(np.zeros(4), np.array([1, 1, 0, 0])) == (None, None)


@pytest.mark.parametrize("count", [10, 20, 200])
def test_an_interval_holds_the_auc_and_is_wide_for_few_images(count: int) -> None:
    low, high = compute_roc_auc_interval(0.9, count, count)
    wider_low, wider_high = compute_roc_auc_interval(0.9, count // 2, count // 2)

    assert wider_low < low < 0.9 < high < wider_high


def test_few_images_do_not_prove_a_perfect_auc() -> None:
    low, high = compute_roc_auc_interval(1.0, 10, 10)

    assert 0.7 < low < 0.9
    assert high == 1.0


def test_an_interval_at_the_middle_equals_the_papers() -> None:
    """At .5 Hanley and McNeil's error is, up to a few percent, that of the Mann-Whitney statistic under no effect."""
    low, high = compute_roc_auc_interval(0.5, 50, 50)

    mann_whitney = 1.96 * np.sqrt(101 / (12 * 50 * 50))
    assert 0.5 - low == pytest.approx(mann_whitney, rel=0.05)
    assert high - 0.5 == pytest.approx(mann_whitney, rel=0.05)
