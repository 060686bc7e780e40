"""What expectations make of answers."""

from typing import Any

import pytest

from pipelines.documents.types import Document, Line, Page, Region
from pipelines.faces.types import Faces
from pipelines.findings import Findings
from pipelines.moderation.types import Moderation, SignalResult
from pipelines.types import GroupScore, Tag
from service.monitoring.canaries.expected import (
    Bounds,
    Box,
    DocumentExpected,
    Expectation,
    FacesExpected,
    FeaturesExpected,
    ModerationExpected,
    overlap,
)
from tests.pipelines.fakes import FEATURES


def findings(**named: Any) -> Findings:
    return Findings.model_construct(**named)


def moderated(**signals: SignalResult) -> Findings:
    found = Moderation(
        verdict="review", severity=3, rules=[], actions=[], signals=signals, policy="p", policy_version="1",
        policy_sha256="0", categories={},
    )  # fmt: skip
    return findings(moderation=found)


SURE = Bounds(at_least=1)
CODES = SignalResult(score=1.0, scores={"url": 1.0, "denied": 0.0}, detector="zxing", version="1")
BROKEN = SignalResult.failed("no session", detector="nsfw")
TAGGED = findings(
    features=FEATURES.model_copy(
        update={
            "tags": [Tag(index=1, wnid="n00000001", label="clock", score=0.5, group="household")],
            "groups": [GroupScore(group="household", score=0.6)],
        }
    )
)
LINES = [Line(text=text, box=(0, 0, 9, 9), score=1, words=[]) for text in ("in two", "lines")]
REGION = Region(label="text", box=(0, 0, 9, 9), score=1, order=0, lines=LINES)
READ = findings(document=Document(page_count=1, pages=[Page(number=1, width=9, height=9, regions=[REGION])]))
NO_FACES = findings(faces=Faces(faces=[], primary=None, count=0, detector="yunet", threshold=0.5, smallest_face=10))


CASES: list[tuple[Expectation, Findings, list[str]]] = [
    (ModerationExpected(verdict="review"), moderated(), []),
    (ModerationExpected(verdict="allow"), moderated(), ["review instead of allow"]),
    (ModerationExpected(scores={"codes": SURE, "codes.url": SURE}), moderated(codes=CODES), []),
    (
        ModerationExpected(scores={"codes.url": Bounds(at_most=0.5), "codes.text": Bounds()}),
        moderated(codes=CODES),
        ["codes.url is 1.000, not 0 to 0.5", "there is no score codes.text"],
    ),
    (
        ModerationExpected(scores={"nsfw": Bounds(at_most=0.5)}),
        moderated(nsfw=BROKEN),
        ["nsfw could not judge: no session"],
    ),
    (FeaturesExpected(top=("clock", "watch"), group=("household",)), TAGGED, []),
    (
        FeaturesExpected(top=("watch",), group=("food", "tool")),
        TAGGED,
        ["the best tag is clock, not watch", "the best group is household, not food or tool"],
    ),
    (FacesExpected(count=0), NO_FACES, []),
    (
        FacesExpected(count=1, boxes=((0, 0, 8, 8),)),
        NO_FACES,
        ["0 faces instead of 1", "no face at 0, 0, 8, 8"],
    ),
    (DocumentExpected(contains=("two  lines",), text="in two\nlines"), READ, []),
    (
        DocumentExpected(contains=("three",), text="two"),
        READ,
        ["the text is 'in two lines'", "'three' is not in the text"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("expected", "found", "wrong"), CASES)
def test_all_that_does_not_hold_is_said(expected: Expectation, found: Findings, wrong: list[str]) -> None:
    assert list(expected.wrong(found)) == wrong


def test_overlap_is_the_share_of_both_boxes_that_they_have_in_common() -> None:
    boxes: list[Box] = [(0, 0, 4, 4), (2, 0, 6, 4), (4, 0, 8, 4)]

    assert [overlap(boxes[0], other) for other in boxes] == [1.0, 8 / 24, 0.0]
