"""What a report's numbers are made of, on scores of which the answer can be counted by hand."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from pipelines.moderation.categories.evaluation import at_threshold, recommend, roc_auc_interval


def test_a_row_counts_what_reaches_the_threshold() -> None:
    scores, labels = np.array([0.9, 0.5, 0.4, 0.5, 0.1]), np.array([1, 1, 1, 0, 0])

    row = at_threshold(scores, labels, 0.5)

    said = scores >= 0.5
    assert (row.precision, row.recall, row.f1, row.false_positive_rate) == pytest.approx(
        (precision_score(labels, said), recall_score(labels, said), f1_score(labels, said), 0.5), abs=1e-4
    )


def test_there_is_no_precision_where_nothing_is_said() -> None:
    row = at_threshold(np.array([0.1, 0.2]), np.array([1, 0]), 0.9)

    assert (row.precision, row.recall, row.f1) == (None, 0.0, 0.0)


def test_thresholds_have_the_recall_and_the_precision_that_is_wanted() -> None:
    labels = np.repeat([1, 0], [20, 20])
    scores = np.concatenate([np.linspace(0.31, 0.99, 20), np.linspace(0.01, 0.6, 20)])

    review, block = recommend(scores, labels)

    assert review is not None
    assert block is not None
    below, above = at_threshold(scores, labels, review), at_threshold(scores, labels, block)
    assert (below.recall >= 0.95, (above.precision or 0) >= 0.95, review < 0.6 <= block) == (True, True, True)


def test_where_any_threshold_of_a_gap_would_do_review_takes_its_lower_end() -> None:
    labels, scores = np.repeat([1, 0], [10, 10]), np.repeat([0.8, 0.2], [10, 10])

    assert recommend(scores, labels) == (0.21, 0.8)


def test_a_negative_at_the_top_leaves_no_threshold_to_block_from() -> None:
    labels, scores = np.array([0, 1, 1, 1]), np.array([0.95, 0.9, 0.8, 0.7])

    assert recommend(scores, labels) == (0.7, None)


def test_scores_of_nothing_leave_no_threshold_to_review_from() -> None:
    assert recommend(np.zeros(4), np.array([1, 1, 0, 0])) == (None, None)


@pytest.mark.parametrize("count", [10, 20, 200])
def test_an_interval_holds_the_auc_and_is_wide_for_few_images(count: int) -> None:
    low, high = roc_auc_interval(0.9, count, count)
    wider_low, wider_high = roc_auc_interval(0.9, count // 2, count // 2)

    assert wider_low < low < 0.9 < high < wider_high


def test_few_images_never_prove_perfection() -> None:
    low, high = roc_auc_interval(1.0, 10, 10)

    assert (0.7 < low < 0.9, high) == (True, 1.0)


def test_an_interval_is_that_of_the_paper_at_the_middle() -> None:
    """At .5 Hanley and McNeil's error is, up to a few percent, that of the Mann-Whitney statistic under no effect."""
    low, high = roc_auc_interval(0.5, 50, 50)

    mann_whitney = 1.96 * np.sqrt(101 / (12 * 50 * 50))
    assert (0.5 - low, high - 0.5) == pytest.approx((mann_whitney, mann_whitney), rel=0.05)
