"""Answers are checked against expectations."""

from typing import Any

import pytest

from pipelines.documents.region_names import name_regions
from pipelines.documents.types import Document, DocumentLine, Page, Region
from pipelines.faces.types import Faces
from pipelines.findings import Findings
from pipelines.moderation.types import Moderation, SignalResult
from pipelines.objects.types import Objects
from pipelines.text.types import PictureText
from pipelines.types import PICTURE_KINDS, GroupScore, PictureKind, Tag
from service.monitoring.canaries.expected import (
    DocumentExpectation,
    Expectation,
    FacesExpectation,
    FeaturesExpectation,
    ModerationExpectation,
    ObjectsExpectation,
    ScoreBounds,
    TextExpectation,
)
from tests.pipelines.fakes import FEATURES
from tests.service.monitoring.audit.records import IMAGE


def make_findings(**results: Any) -> Findings:
    return Findings("res_1", IMAGE, prompt="", models=[], timings={}, results=results)


def moderation_findings(**signals: SignalResult) -> Findings:
    found = Moderation(
        verdict="review", severity=3, rules=[], actions=[], signals=signals, policy="p", policy_version="1",
        policy_sha256="0", categories={},
    )  # fmt: skip
    return make_findings(moderation=found)


CERTAIN = ScoreBounds(at_least=1)
CODES = SignalResult(score=1.0, scores={"url": 1.0, "denied": 0.0}, detector="zxing", version="1")
BROKEN = SignalResult.failed("no session", detector="nsfw")
TAGGED = make_findings(
    features=FEATURES.model_copy(
        update={
            "tags": [Tag(index=1, wnid="n00000001", label="clock", score=0.5, group="household")],
            "groups": [GroupScore(group="household", score=0.6)],
            "kind": PictureKind(name="photo", score=0.9, scores=dict.fromkeys(PICTURE_KINDS, 0.0)),
        }
    )
)
LINES = [DocumentLine(text=text, box=(0, 0, 9, 9), score=1, words=[]) for text in ("in two", "lines")]
REGION = Region(label="text", box=(0, 0, 9, 9), score=1, order=0, lines=LINES)
WITH_TEXT = make_findings(text=PictureText(regions=name_regions(1, [REGION]), unread_lines=0))
READ = make_findings(document=Document(page_count=1, pages=[Page(number=1, width=9, height=9, regions=[REGION])]))
NO_FACES = make_findings(
    faces=Faces(faces=[], primary=None, count=0, detector="yunet", threshold=0.5, smallest_face=10)
)
TWO_PEOPLE = make_findings(
    objects=Objects(objects=[], counts={"person": 2}, statements=[], precision=0.95, detector="tiny")
)


CASES: list[tuple[Expectation, Findings, list[str]]] = [
    (ModerationExpectation(verdict="review"), moderation_findings(), []),
    (ModerationExpectation(verdict="allow"), moderation_findings(), ["review instead of allow"]),
    (ModerationExpectation(scores={"codes": CERTAIN, "codes.url": CERTAIN}), moderation_findings(codes=CODES), []),
    (
        ModerationExpectation(scores={"codes.url": ScoreBounds(at_most=0.5), "codes.text": ScoreBounds()}),
        moderation_findings(codes=CODES),
        ["codes.url is 1.000, not 0 to 0.5", "there is no score codes.text"],
    ),
    (
        ModerationExpectation(scores={"nsfw": ScoreBounds(at_most=0.5)}),
        moderation_findings(nsfw=BROKEN),
        ["nsfw could not judge: no session"],
    ),
    (FeaturesExpectation(top=("clock", "watch"), group=("household",)), TAGGED, []),
    (
        FeaturesExpectation(top=("watch",), group=("food", "tool")),
        TAGGED,
        ["the best tag is clock, not watch", "the best group is household, not food or tool"],
    ),
    (FeaturesExpectation(kind=("photo", "drawing")), TAGGED, []),
    (FeaturesExpectation(kind=("chart", "map")), TAGGED, ["the kind is photo, not chart or map"]),
    (FeaturesExpectation(kind=("map",)), make_findings(features=FEATURES), ["the kind is nothing, not map"]),
    (FacesExpectation(count=0), NO_FACES, []),
    (ObjectsExpectation(counts={"person": 2}, absent=("dog",)), TWO_PEOPLE, []),
    (
        ObjectsExpectation(counts={"person": 3, "cat": 1}, absent=("person",)),
        TWO_PEOPLE,
        ["person: 2 instead of 3", "cat: 0 instead of 1", "there is said to be a person"],
    ),
    (
        FacesExpectation(count=1, boxes=((0, 0, 8, 8),)),
        NO_FACES,
        ["0 faces instead of 1", "no face at 0, 0, 8, 8"],
    ),
    (TextExpectation(contains=("two  lines",)), WITH_TEXT, []),
    (
        TextExpectation(contains=("three",), is_empty=True),
        WITH_TEXT,
        ["there is said to be text: 'in two lines'", "'three' is not in the text"],
    ),
    (DocumentExpectation(contains=("two  lines",), text="in two\nlines"), READ, []),
    (
        DocumentExpectation(contains=("three",), text="two"),
        READ,
        ["the text is 'in two lines'", "'three' is not in the text"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("expected", "findings", "mistakes"), CASES)
def test_all_mistakes_are_found(expected: Expectation, findings: Findings, mistakes: list[str]) -> None:
    assert list(expected.find_mistakes(findings)) == mistakes
