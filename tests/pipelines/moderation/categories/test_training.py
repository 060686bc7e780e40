"""Training: what is learnt, what the report says of it, and what is refused."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pipelines.moderation.categories.head import Head
from pipelines.moderation.categories.training import fit
from pipelines.moderation.errors import CategoryNameInvalid, TrainingRejected
from tests.pipelines.fakes import USED
from tests.pipelines.moderation.clouds import Cloud, cloud, trained


def auc_on_others(head: Head, **of: float) -> float:
    others = np.concatenate([cloud(200, towards=0, seed=100, **of), cloud(200, towards=32, seed=101, **of)])
    return float(roc_auc_score(np.repeat([1, 0], 200), [head.score(one) for one in others]))


def with_copies(vectors: Cloud, count: int) -> Cloud:
    """The vectors, and after them `count` near-copies of the first one."""
    return np.concatenate([vectors, vectors[:1] * np.linspace(1.0, 1.2, count)[:, None]])


def test_what_was_learnt_holds_for_images_that_were_not_seen() -> None:
    assert auc_on_others(trained()) > 0.99


def test_the_report_says_what_new_images_will_show() -> None:
    head = trained(count=100, strength=0.4)

    low, high = head.report.roc_auc_interval
    assert (low <= auc_on_others(head, strength=0.4) <= high, head.report.roc_auc < 1) == (True, True)


def test_scores_are_probabilities() -> None:
    head = trained(count=150, strength=0.4)
    others = np.concatenate([cloud(1000, towards=at, seed=at + 8, strength=0.4) for at in (0, 32)])
    scores, labels = np.array([head.score(one) for one in others]), np.repeat([1, 0], 1000)

    bins = [(scores >= edge) & (scores < edge + 0.2) for edge in (0.0, 0.2, 0.4, 0.6, 0.8)]
    assert [labels[one].mean() for one in bins] == pytest.approx([scores[one].mean() for one in bins], abs=0.12)


def test_the_same_images_give_the_same_head() -> None:
    assert trained().version == trained().version


def test_another_image_gives_another_version() -> None:
    assert trained(seed=0).version != trained(seed=5).version


@pytest.mark.parametrize(("positives", "negatives"), [(9, 50), (50, 9), (0, 50)])
def test_too_few_images_are_refused(positives: int, negatives: int) -> None:
    with pytest.raises(TrainingRejected, match=f"{positives} positive and {negatives} negative .* at least 10 of each"):
        fit("knives", cloud(positives, towards=0, seed=0), cloud(negatives, towards=32, seed=1), USED)


def test_copies_do_not_count_as_images() -> None:
    with pytest.raises(TrainingRejected, match="5 positive and 20 negative distinct images"):
        fit("knives", with_copies(cloud(5, towards=0, seed=0), 20), cloud(20, towards=32, seed=1), USED)


def test_copies_are_told_and_never_stand_on_both_sides_of_a_fold() -> None:
    """Labels that mean nothing: whoever had seen a copy of an image would know its label, and reach an AUC of 1."""
    noise = np.repeat(cloud(40, towards=0, seed=0), 4, axis=0) * np.tile([1.0, 1.1, 1.2, 1.3], 40)[:, None]

    report = fit("knives", noise[:80], noise[80:], USED).report

    assert (report.roc_auc < 0.75, any("160 images nearly coincide" in one for one in report.warnings)) == (True, True)


def test_a_heap_of_copies_still_leaves_both_kinds_in_every_fold() -> None:
    positives = with_copies(cloud(10, towards=0, seed=0), 100)

    head = fit("knives", positives, cloud(12, towards=32, seed=1), USED)

    assert (head.training.positives, head.training.distinct_positives) == (110, 10)


def test_images_that_stand_on_both_sides_are_told() -> None:
    positives, negatives = cloud(20, towards=0, seed=0), cloud(20, towards=32, seed=1)

    report = fit("knives", positives, np.concatenate([negatives, positives[:2]]), USED).report

    assert "4 images nearly coincide with one of the other kind" in report.warnings[-1]


@pytest.mark.parametrize(("count", "words"), [(20, ["20 distinct positives", "20 distinct negatives"]), (60, [])])
def test_few_images_are_told(count: int, words: list[str]) -> None:
    warnings = trained(count=count).report.warnings

    assert [word in warning for word, warning in zip(words, warnings, strict=True)] == [True] * len(words)


def test_unequal_folders_are_told() -> None:
    head = fit("knives", cloud(10, towards=0, seed=0), cloud(60, towards=32, seed=1), USED)

    assert any("10 positives to 60 negatives" in warning for warning in head.report.warnings)


def test_kinds_that_are_hardly_told_apart_are_told() -> None:
    noise = cloud(60, towards=0, seed=3)

    assert "ROC AUC 0.6" in fit("knives", noise[:30], noise[30:], USED).report.warnings[-1]


def test_kinds_that_look_the_same_are_refused() -> None:
    noise = cloud(60, towards=0, seed=0)

    with pytest.raises(TrainingRejected, match="look the same to fake-encoder"):
        fit("knives", noise[:30], noise[30:], USED)


def test_a_name_is_checked_before_anything_is_learnt() -> None:
    with pytest.raises(CategoryNameInvalid):
        fit("no name", cloud(20, towards=0, seed=0), cloud(20, towards=32, seed=1), USED)


def test_serving_does_not_load_scikit_learn() -> None:
    code = "import sys, service.http.app, service.cli; print('sklearn' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
