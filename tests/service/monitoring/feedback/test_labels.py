"""Feedback on an answer becomes labels that can be counted."""

import pytest

from pipelines.errors import RequestRejected
from service.monitoring.audit.record import AuditRecord
from service.monitoring.feedback.labels import KnownLabels, LabelPair, derive_labels
from service.monitoring.feedback.types import ExpectedAnswer
from tests.service.monitoring.audit.records import make_draft

KNOWN = KnownLabels(
    {"weapon", "sexual"}, {"weapon", "animal"}, {"rifle": "weapon", "revolver": "weapon", "tabby": "animal"}
)


def make_record(faces: int = 2) -> AuditRecord:
    """The verdict is review for a weapon, the best tag a rifle, and there are faces."""
    return AuditRecord.model_validate_json(make_draft(faces=faces).to_json())


@pytest.mark.parametrize(
    ("pipeline", "said"),
    [
        ("moderation", {"review": 1, "weapon": 1}),
        ("features", {"rifle": 1, "weapon": 1}),
        ("faces", {"face": 2}),
        ("document", {"answer": 1}),
    ],
)
def test_a_right_answer_expects_the_labels_that_it_said(pipeline: str, said: dict[str, int]) -> None:
    assert derive_labels(make_record(), pipeline, "right", None, KNOWN) == (said, said)


@pytest.mark.parametrize(
    ("pipeline", "expected", "pair"),
    [
        ("moderation", None, ({"review": 1}, None)),
        ("moderation", "block", ({"review": 1}, {"block": 1})),
        ("moderation", "allow", ({"review": 1, "weapon": 1}, {"allow": 1})),  # no category should have fired
        ("moderation", "sexual", ({"weapon": 1}, {"sexual": 1})),
        ("moderation", "spam", ({"weapon": 1}, {"other": 1})),  # the policy has no such category
        ("features", None, ({"rifle": 1}, None)),
        ("features", "animal", ({"weapon": 1}, {"animal": 1})),
        ("features", "tabby", ({"rifle": 1, "weapon": 1}, {"tabby": 1, "animal": 1})),
        ("features", "revolver", ({"rifle": 1, "weapon": 1}, {"revolver": 1, "weapon": 1})),  # of the same group
        ("features", "unicorn", ({"rifle": 1, "weapon": 1}, {"other": 1})),
        ("faces", None, ({"face": 1}, None)),
        ("faces", 5, ({"face": 2}, {"face": 5})),
        ("faces", 0, ({"face": 2}, {"none": 1})),
        ("document", "the total is 12.40", ({"answer": 1}, None)),
    ],
)
def test_a_wrong_answer_expects_other_labels(pipeline: str, expected: ExpectedAnswer | None, pair: LabelPair) -> None:
    assert derive_labels(make_record(), pipeline, "wrong", expected, KNOWN) == pair


@pytest.mark.parametrize(
    ("pipeline", "verdict", "expected", "message"),
    [
        ("moderation", "right", "allow", "needs no other value"),
        ("moderation", "wrong", "review", "is what was answered"),
        ("moderation", "wrong", "weapon", "is what was answered"),
        ("faces", "wrong", 2, "is what was answered"),
        ("faces", "wrong", "many", "the number of faces"),
    ],
)
def test_an_expectation_that_contradicts_the_verdict_is_refused(
    pipeline: str, verdict: str, expected: ExpectedAnswer, message: str
) -> None:
    with pytest.raises(RequestRejected, match=message):
        derive_labels(make_record(), pipeline, verdict, expected, KNOWN)  # type: ignore[arg-type]
