"""What a record says of an answer, and what it must not."""

import io

from PIL import Image

from pipelines.documents.types import Document, Line, Page, Region
from pipelines.findings import Findings, Observation, made_at, new_result_id
from pipelines.image.decode import Limits, decode
from pipelines.moderation.text_pipeline import JudgedText
from pipelines.moderation.types import Evidence, SignalResult
from pipelines.run_context import Stage
from pipelines.types import Features
from service.monitoring.audit.log import beginning
from service.monitoring.audit.record import Record
from service.monitoring.audit.record_builder import Draft, spans_of
from service.telemetry.request_context import RequestContext
from tests.pipelines.fakes import APPEARANCE
from tests.service.monitoring.audit.records import GROUPS, IMAGE, JUDGED, TAGS, USED, draft

SECRET = "SECRET"


def read_line(text: str, score: float) -> Line:
    return Line(text=text, box=(0, 0, 9, 9), score=score, words=[])


def seen() -> Observation:
    """Everything in it that no record may have says SECRET."""
    drawn = io.BytesIO()
    Image.new("RGB", (8, 8)).save(drawn, "PNG")
    reading = SignalResult.of(
        {"harassment": 0.9}, [Evidence(what=SECRET, detail=SECRET)], detector="rules", version="1"
    )
    judged = JUDGED.model_copy(update={"preview": SECRET, "signals": {"text": reading}})
    lines = [read_line(SECRET, 0.5), read_line(SECRET, 0.7)]
    region = Region(label="text", box=(0, 0, 9, 9), score=1.0, order=0, lines=lines)
    pages = [
        Page(number=1, width=9, height=9, source="ocr", regions=[region], picture=b"SECRET"),
        Page(number=2, width=9, height=9, source="text_layer", regions=[region]),
        Page(number=3, width=9, height=9, regions=[], error="page 3 cannot be read"),
    ]
    findings = Findings(
        result_id=new_result_id(), image=IMAGE, prompt=SECRET, models=[USED], timings={"total": 0.5},
        moderation=judged,
        features=Features(
            embedding=None, grid=None, tags=TAGS, groups=GROUPS, calibration="none", appearance=APPEARANCE
        ),
        document=Document(page_count=7, pages=pages),
    )  # fmt: skip
    return Observation(findings, decode(drawn.getvalue(), limits=Limits()), None, [Stage("total", 1.0, 0.5)], "batch")


def test_a_record_has_who_asked_what_answered_and_why() -> None:
    answered = seen()

    record = Record.model_validate_json(Draft.of(answered, RequestContext("req_1", "analyze", "t1", "j1")).line())

    assert (record.request_id, record.operation, record.trace_id, record.job_id, record.priority) == (
        "req_1", "analyze", "t1", "j1", "batch",
    )  # fmt: skip
    assert (record.at, record.image, record.models) == (made_at(answered.findings.result_id), IMAGE, [USED])
    assert record.pipelines == ["moderation", "features", "document"]
    assert record.moderation is not None
    assert (record.moderation.verdict, record.moderation.policy_sha256) == ("review", "ef" * 32)
    assert (record.moderation.rules, record.moderation.signals["text"].scores) == (JUDGED.rules, {"harassment": 0.9})
    assert record.features is not None
    assert (record.features.tags[0].label, record.features.groups) == ("rifle", GROUPS)
    assert record.document is not None
    assert record.document.model_dump() == {
        "page_count": 7, "pages": 3, "failed": 1, "lines": 4, "tables": 0, "confidence": 0.6,
    }  # fmt: skip


def test_a_record_has_no_text_and_no_picture() -> None:
    assert SECRET.encode() not in Draft.of(seen(), None).line()


def test_of_a_text_a_record_has_the_length_and_the_decision() -> None:
    judged = JudgedText(new_result_id(), 11, JUDGED, {"total": 0.25}, "interactive")

    record = Record.model_validate_json(Draft.of_text(judged, None).line())

    assert (record.characters, record.image, record.pipelines) == (11, None, ["moderation"])
    assert (record.stages[0].seconds, record.moderation and record.moderation.verdict) == (0.25, "review")


def test_a_line_begins_with_the_id_by_which_it_is_found() -> None:
    made = draft()

    assert made.line().startswith(beginning(made.result_id))


def test_stages_of_one_name_are_one_span_from_the_first_to_the_last() -> None:
    stages = [Stage("wait", 11.0, 0.5), Stage("decode", 10.5, 0.5), Stage("wait", 12.0, 0.25)]

    assert spans_of(stages) == [
        {"name": "decode", "began": 0.0, "ended": 0.5, "seconds": 0.5, "times": 1},
        {"name": "wait", "began": 0.5, "ended": 2.0, "seconds": 0.75, "times": 2},
    ]


def test_pictures_are_not_kept_while_a_record_waits() -> None:
    made = Draft.of(seen(), None)

    assert (made.moderation and made.moderation.preview, made.document and made.document.pages[0].picture) == (
        None,
        None,
    )
