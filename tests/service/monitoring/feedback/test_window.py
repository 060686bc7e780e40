"""Precision, recall and confusion match counts made by hand."""

import pytest

from service.monitoring.feedback.types import CategoryFeedback, FeedbackVerdict, Judgement, LabelCounts
from service.monitoring.feedback.window import JudgementWindow, summarise


def make_judgement(said: LabelCounts, expected: LabelCounts | None, *, id: str = "res_1", at: float = 0.0) -> Judgement:
    verdict: FeedbackVerdict = "right" if said == expected else "wrong"
    return Judgement(result_id=id, pipeline="moderation", at=at, verdict=verdict, said=said, expected=expected)


def test_precision_is_over_labels_said_and_recall_over_labels_expected() -> None:
    allow, block = {"allow": 1}, {"block": 1}
    pairs = [(allow, allow)] * 6 + [(allow, block)] * 2 + [(block, block)] * 3 + [(block, None)]

    found = summarise(make_judgement(said, expected) for said, expected in pairs)

    assert found.judgements == 12
    assert found.right == 9
    assert found.wrong == 3
    assert found.categories == [
        CategoryFeedback(category="allow", precision=6 / 8, recall=1.0, support=6),
        CategoryFeedback(category="block", precision=3 / 4, recall=3 / 5, support=5),
    ]
    assert [(one.said, one.expected, one.count) for one in found.confusion] == [
        ("allow", "allow", 6), ("allow", "block", 2), ("block", "block", 3), ("block", "unknown", 1),
    ]  # fmt: skip


def test_each_face_counts() -> None:
    found = summarise([make_judgement({"face": 3}, {"face": 5}), make_judgement({"face": 2}, {"face": 1})])

    [face] = found.categories
    assert face.precision == 4 / 5
    assert face.recall == 4 / 6
    assert face.support == 6
    assert [(one.said, one.expected, one.count) for one in found.confusion] == [
        ("face", "face", 4), ("face", "none", 1), ("none", "face", 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "expected", "precision", "recall"),
    [
        ({"spam": 1}, {"allow": 1}, 0.0, None),  # no feedback says that anything is spam
        ({"allow": 1}, {"spam": 1}, None, 0.0),  # nothing was said to be spam
    ],
)
def test_figures_that_cannot_be_computed_are_none(
    said: LabelCounts, expected: LabelCounts, precision: float | None, recall: float | None
) -> None:
    [spam] = [one for one in summarise([make_judgement(said, expected)]).categories if one.category == "spam"]

    assert spam.precision == precision
    assert spam.recall == recall


def test_a_window_has_the_last_judgement_of_each_result() -> None:
    window = JudgementWindow(2)
    for id, said in (("a", "x"), ("b", "x"), ("a", "y"), ("c", "z")):
        window.add(make_judgement({said: 1}, {said: 1}, id=id))

    assert [one.category for one in window.summary().categories] == ["y", "z"]


def test_a_window_drops_expired_judgements() -> None:
    window = JudgementWindow(10)
    window.add(make_judgement({"x": 1}, None, id="a", at=100))
    window.add(make_judgement({"y": 1}, None, id="b", at=200))
    before = window.summary().judgements

    window.drop_before(150)

    assert before == 2
    assert window.summary().judgements == 1
