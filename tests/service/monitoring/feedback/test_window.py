"""Precision, recall and confusion, against counts made by hand."""

import pytest

from service.monitoring.feedback.types import CategorySummary, Judgement, Labels, Said
from service.monitoring.feedback.window import Window, summary_of


def judgement(said: Labels, expected: Labels | None, *, id: str = "res_1", at: float = 0.0) -> Judgement:
    verdict: Said = "right" if said == expected else "wrong"
    return Judgement(result_id=id, pipeline="moderation", at=at, verdict=verdict, said=said, expected=expected)


def test_precision_is_over_what_was_said_and_recall_over_what_should_have_been() -> None:
    allow, block = {"allow": 1}, {"block": 1}
    given = [(allow, allow)] * 6 + [(allow, block)] * 2 + [(block, block)] * 3 + [(block, None)]

    found = summary_of(judgement(said, expected) for said, expected in given)

    assert (found.judgements, found.right, found.wrong) == (12, 9, 3)
    assert found.categories == [
        CategorySummary(category="allow", precision=6 / 8, recall=1.0, support=6),
        CategorySummary(category="block", precision=3 / 4, recall=3 / 5, support=5),
    ]
    assert [(one.said, one.expected, one.count) for one in found.confusion] == [
        ("allow", "allow", 6), ("allow", "block", 2), ("block", "block", 3), ("block", "unknown", 1),
    ]  # fmt: skip


def test_faces_count_each() -> None:
    found = summary_of([judgement({"face": 3}, {"face": 5}), judgement({"face": 2}, {"face": 1})])

    [face] = found.categories
    assert (face.precision, face.recall, face.support) == (4 / 5, 4 / 6, 6)
    assert [(one.said, one.expected, one.count) for one in found.confusion] == [
        ("face", "face", 4), ("face", "none", 1), ("none", "face", 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "expected", "precision", "recall"),
    [
        ({"spam": 1}, {"allow": 1}, 0.0, None),  # nobody says that anything is spam
        ({"allow": 1}, {"spam": 1}, None, 0.0),  # nothing was said to be spam
    ],
)
def test_what_cannot_be_told_is_not_told(
    said: Labels, expected: Labels, precision: float | None, recall: float | None
) -> None:
    [spam] = [one for one in summary_of([judgement(said, expected)]).categories if one.category == "spam"]

    assert (spam.precision, spam.recall) == (precision, recall)


def test_a_window_has_the_last_ones_and_of_each_result_the_last() -> None:
    window = Window(2)
    for id, said in (("a", "x"), ("b", "x"), ("a", "y"), ("c", "z")):
        window.add(judgement({said: 1}, {said: 1}, id=id))

    assert [one.category for one in window.summary().categories] == ["y", "z"]


def test_a_window_forgets_what_is_too_old() -> None:
    window = Window(10)
    window.add(judgement({"x": 1}, None, id="a", at=100))
    window.add(judgement({"y": 1}, None, id="b", at=200))
    before = window.summary().judgements

    window.forget(before=150)

    assert (before, window.summary().judgements) == (2, 1)
