"""What somebody says of an answer, as categories that can be counted."""

import pytest

from pipelines.errors import RequestRejected
from service.monitoring.audit.record import Record
from service.monitoring.feedback.labels import Known, Pair, labels_of
from service.monitoring.feedback.types import Expected
from tests.service.monitoring.audit.records import draft

KNOWN = Known({"weapon", "sexual"}, {"weapon", "animal"}, {"rifle": "weapon", "revolver": "weapon", "tabby": "animal"})


def record(faces: int = 2) -> Record:
    """Verdict review for a weapon, a rifle, and faces."""
    return Record.model_validate_json(draft(faces=faces).line())


@pytest.mark.parametrize(
    ("pipeline", "said"),
    [
        ("moderation", {"review": 1, "weapon": 1}),
        ("features", {"rifle": 1, "weapon": 1}),
        ("faces", {"face": 2}),
        ("document", {"answer": 1}),
    ],
)
def test_a_right_answer_should_have_been_what_it_is(pipeline: str, said: dict[str, int]) -> None:
    assert labels_of(record(), pipeline, "right", None, KNOWN) == (said, said)


@pytest.mark.parametrize(
    ("pipeline", "expected", "pair"),
    [
        ("moderation", None, ({"review": 1}, None)),
        ("moderation", "block", ({"review": 1}, {"block": 1})),
        ("moderation", "allow", ({"review": 1, "weapon": 1}, {"allow": 1})),  # nothing should have fired
        ("moderation", "sexual", ({"weapon": 1}, {"sexual": 1})),
        ("moderation", "spam", ({"weapon": 1}, {"other": 1})),  # the policy has no such category
        ("features", None, ({"rifle": 1}, None)),
        ("features", "animal", ({"weapon": 1}, {"animal": 1})),
        ("features", "tabby", ({"rifle": 1, "weapon": 1}, {"tabby": 1, "animal": 1})),
        ("features", "revolver", ({"rifle": 1, "weapon": 1}, {"revolver": 1, "weapon": 1})),  # of the right kind
        ("features", "unicorn", ({"rifle": 1, "weapon": 1}, {"other": 1})),
        ("faces", None, ({"face": 1}, None)),
        ("faces", 5, ({"face": 2}, {"face": 5})),
        ("faces", 0, ({"face": 2}, {"none": 1})),
        ("document", "the total is 12.40", ({"answer": 1}, None)),
    ],
)
def test_a_wrong_answer_should_have_been_another(pipeline: str, expected: Expected | None, pair: Pair) -> None:
    assert labels_of(record(), pipeline, "wrong", expected, KNOWN) == pair


@pytest.mark.parametrize(
    ("pipeline", "verdict", "expected", "why"),
    [
        ("moderation", "right", "allow", "needs no other value"),
        ("moderation", "wrong", "review", "is what was answered"),
        ("moderation", "wrong", "weapon", "is what was answered"),
        ("faces", "wrong", 2, "is what was answered"),
        ("faces", "wrong", "many", "the number"),
    ],
)
def test_an_expectation_that_contradicts_itself_is_refused(
    pipeline: str, verdict: str, expected: Expected, why: str
) -> None:
    with pytest.raises(RequestRejected, match=why):
        labels_of(record(), pipeline, verdict, expected, KNOWN)  # type: ignore[arg-type]
