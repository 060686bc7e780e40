"""Training: the quality of heads, the numbers and warnings of reports, and refusals."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pipelines.moderation.categories.head import Head
from pipelines.moderation.categories.training import fit_head
from pipelines.moderation.errors import CategoryNameInvalid, TrainingRejected
from tests.pipelines.fakes import USED
from tests.pipelines.moderation.embeddings import Embeddings, make_embeddings, train_head


def auc_on_others(head: Head, **options: float) -> float:
    others = np.concatenate(
        [make_embeddings(200, towards=0, seed=100, **options), make_embeddings(200, towards=32, seed=101, **options)]
    )
    return float(roc_auc_score(np.repeat([1, 0], 200), [head.score(one) for one in others]))


def with_copies(vectors: Embeddings, count: int) -> Embeddings:
    """The vectors, and after them `count` near-copies of the first one."""
    return np.concatenate([vectors, vectors[:1] * np.linspace(1.0, 1.2, count)[:, None]])


def test_a_head_separates_unseen_images() -> None:
    assert auc_on_others(train_head()) > 0.99


def test_the_reports_interval_holds_the_auc_on_unseen_images() -> None:
    head = train_head(count=100, strength=0.4)

    low, high = head.report.roc_auc_interval
    assert low <= auc_on_others(head, strength=0.4) <= high
    assert head.report.roc_auc < 1


def test_scores_are_probabilities() -> None:
    head = train_head(count=150, strength=0.4)
    others = np.concatenate([make_embeddings(1000, towards=at, seed=at + 8, strength=0.4) for at in (0, 32)])
    scores, labels = np.array([head.score(one) for one in others]), np.repeat([1, 0], 1000)

    bins = [(scores >= edge) & (scores < edge + 0.2) for edge in (0.0, 0.2, 0.4, 0.6, 0.8)]
    assert [labels[one].mean() for one in bins] == pytest.approx([scores[one].mean() for one in bins], abs=0.12)


def test_the_same_images_give_the_same_head() -> None:
    assert train_head().version == train_head().version


def test_another_image_gives_another_version() -> None:
    assert train_head(seed=0).version != train_head(seed=5).version


@pytest.mark.parametrize(("positives", "negatives"), [(9, 50), (50, 9), (0, 50)])
def test_too_few_images_are_refused(positives: int, negatives: int) -> None:
    with pytest.raises(TrainingRejected, match=f"{positives} positive and {negatives} negative .* at least 10 of each"):
        fit_head(
            "knives",
            make_embeddings(positives, towards=0, seed=0),
            make_embeddings(negatives, towards=32, seed=1),
            USED,
        )


def test_copies_do_not_count_as_images() -> None:
    with pytest.raises(TrainingRejected, match="5 positive and 20 negative distinct images"):
        fit_head(
            "knives",
            with_copies(make_embeddings(5, towards=0, seed=0), 20),
            make_embeddings(20, towards=32, seed=1),
            USED,
        )


def test_copies_are_warned_of_and_stay_in_one_fold() -> None:
    """The labels are random: only a head that was trained on copies of the test images could reach an AUC of 1."""
    noise = np.repeat(make_embeddings(40, towards=0, seed=0), 4, axis=0) * np.tile([1.0, 1.1, 1.2, 1.3], 40)[:, None]

    report = fit_head("knives", noise[:80], noise[80:], USED).report

    assert report.roc_auc < 0.75
    assert any("160 images nearly coincide" in one for one in report.warnings)


def test_many_copies_leave_both_kinds_in_every_fold() -> None:
    positives = with_copies(make_embeddings(10, towards=0, seed=0), 100)

    head = fit_head("knives", positives, make_embeddings(12, towards=32, seed=1), USED)

    assert head.training.positives == 110
    assert head.training.distinct_positives == 10


def test_images_in_both_classes_are_warned_of() -> None:
    positives, negatives = make_embeddings(20, towards=0, seed=0), make_embeddings(20, towards=32, seed=1)

    report = fit_head("knives", positives, np.concatenate([negatives, positives[:2]]), USED).report

    assert "4 images nearly coincide with one of the other kind" in report.warnings[-1]


@pytest.mark.parametrize(("count", "words"), [(20, ["20 distinct positives", "20 distinct negatives"]), (60, [])])
def test_few_images_are_warned_of(count: int, words: list[str]) -> None:
    warnings = train_head(count=count).report.warnings

    assert len(warnings) == len(words)
    assert all(word in warning for word, warning in zip(words, warnings, strict=True))


def test_unequal_folders_are_warned_of() -> None:
    head = fit_head("knives", make_embeddings(10, towards=0, seed=0), make_embeddings(60, towards=32, seed=1), USED)

    assert any("10 positives to 60 negatives" in warning for warning in head.report.warnings)


def test_a_low_auc_is_warned_of() -> None:
    noise = make_embeddings(60, towards=0, seed=3)

    assert "ROC AUC 0.6" in fit_head("knives", noise[:30], noise[30:], USED).report.warnings[-1]


def test_kinds_that_look_the_same_are_refused() -> None:
    noise = make_embeddings(60, towards=0, seed=0)

    with pytest.raises(TrainingRejected, match="look the same to fake-encoder"):
        fit_head("knives", noise[:30], noise[30:], USED)


def test_an_invalid_name_is_refused() -> None:
    with pytest.raises(CategoryNameInvalid):
        fit_head("no name", make_embeddings(20, towards=0, seed=0), make_embeddings(20, towards=32, seed=1), USED)


def test_serving_does_not_load_scikit_learn() -> None:
    code = "import sys, service.http.app, service.cli; print('sklearn' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
