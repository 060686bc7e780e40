"""A record has what was decided, and no text or picture."""

import gc
import io
import weakref

from PIL import Image

from pipelines.documents.region_names import name_regions
from pipelines.documents.spec import DOCUMENT
from pipelines.documents.types import Document, DocumentLine, Page, Region
from pipelines.findings import Findings, Observation, new_result_id, result_time
from pipelines.image.decode import ImageLimits, decode
from pipelines.moderation.text_pipeline import ModeratedText
from pipelines.moderation.types import Evidence, SignalResult
from pipelines.run_context import StageTiming
from pipelines.text.types import PictureText
from pipelines.types import PICTURE_KINDS, Features, PictureKind
from service.monitoring.audit.log import record_prefix
from service.monitoring.audit.record import AuditRecord
from service.monitoring.audit.record_builder import RecordDraft, build_spans
from service.telemetry.request_context import RequestContext
from tests.pipelines.fakes import APPEARANCE
from tests.service.monitoring.audit.records import GROUPS, IMAGE, MODERATION, TAGS, USED, make_draft

SECRET = "SECRET"


def read_line(text: str, score: float) -> DocumentLine:
    return DocumentLine(text=text, box=(0, 0, 9, 9), score=score, words=[])


KIND = PictureKind(name="photo", score=0.9, scores=dict.fromkeys(PICTURE_KINDS, 0.1))


def make_observation() -> Observation:
    """Everything in it that must not be in a record is SECRET."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    reading = SignalResult.of(
        {"harassment": 0.9}, [Evidence(what=SECRET, detail=SECRET)], detector="rules", version="1"
    )
    moderation = MODERATION.model_copy(update={"preview": SECRET, "signals": {"text": reading}})
    lines = [read_line(SECRET, 0.5), read_line(SECRET, 0.7)]
    region = Region(label="text", box=(0, 0, 9, 9), score=1.0, order=0, lines=lines)
    pages = [
        Page(number=1, width=9, height=9, source="ocr", regions=[region], picture=b"SECRET"),
        Page(number=2, width=9, height=9, source="text_layer", regions=[region]),
        Page(number=3, width=9, height=9, regions=[], error="page 3 cannot be read"),
    ]
    findings = Findings(
        result_id=new_result_id(), image=IMAGE, prompt=SECRET, models=[USED], timings={"total": 0.5},
        results={
            "moderation": moderation,
            "features": Features(
                embedding=None, grid=None, tags=TAGS, groups=GROUPS, calibration="none", appearance=APPEARANCE,
                kind=KIND,
            ),
            "text": PictureText(regions=name_regions(1, [region]), unread_lines=3),
            "document": Document(page_count=7, pages=pages),
        },
    )  # fmt: skip
    return Observation(
        findings, decode(file.getvalue(), limits=ImageLimits()), None, [StageTiming("total", 1.0, 0.5)], "batch"
    )


def test_a_record_has_the_request_the_models_and_the_decision() -> None:
    observation = make_observation()

    record = AuditRecord.model_validate_json(
        RecordDraft.from_observation(observation, RequestContext("req_1", "analyze", "t1", "j1")).to_json()
    )

    assert record.request_id == "req_1"
    assert record.operation == "analyze"
    assert record.trace_id == "t1"
    assert record.job_id == "j1"
    assert record.priority == "batch"
    assert record.at == result_time(observation.findings.result_id)
    assert record.image == IMAGE
    assert record.models == [USED]
    assert record.pipelines == ["moderation", "features", "text", "document"]
    assert record.moderation is not None
    assert record.moderation.verdict == "review"
    assert record.moderation.policy_sha256 == "ef" * 32
    assert record.moderation.rules == MODERATION.rules
    assert record.moderation.signals["text"].scores == {"harassment": 0.9}
    assert record.features is not None
    assert record.features.tags[0].label == "rifle"
    assert record.features.groups == GROUPS
    assert record.text is not None
    assert record.text.model_dump() == {"regions": 1, "lines": 2, "unread_lines": 3, "confidence": 0.6}
    assert record.features.kind is not None
    assert record.features.kind.model_dump() == {"name": "photo", "score": 0.9}
    assert record.document is not None
    assert record.document.model_dump() == {
        "page_count": 7, "pages": 3, "failed": 1, "lines": 4, "tables": 0, "confidence": 0.6,
    }  # fmt: skip


def test_a_record_has_no_text_and_no_picture() -> None:
    assert SECRET.encode() not in RecordDraft.from_observation(make_observation(), None).to_json()


def test_the_record_of_a_text_has_its_length_and_the_decision() -> None:
    text = ModeratedText(new_result_id(), 11, MODERATION, {"total": 0.25}, "interactive")

    record = AuditRecord.model_validate_json(RecordDraft.from_text(text, None).to_json())

    assert record.characters == 11
    assert record.image is None
    assert record.pipelines == ["moderation"]
    assert record.stages[0].seconds == 0.25
    assert record.moderation is not None
    assert record.moderation.verdict == "review"


def test_the_json_of_a_record_begins_with_its_id() -> None:
    draft = make_draft()

    assert draft.to_json().startswith(record_prefix(draft.result_id))


def test_stages_of_one_name_are_one_span_from_the_first_to_the_last() -> None:
    stages = [StageTiming("wait", 11.0, 0.5), StageTiming("decode", 10.5, 0.5), StageTiming("wait", 12.0, 0.25)]

    assert build_spans(stages) == [
        {"name": "decode", "began": 0.0, "ended": 0.5, "seconds": 0.5, "times": 1},
        {"name": "wait", "began": 0.5, "ended": 2.0, "seconds": 0.75, "times": 2},
    ]


def test_a_waiting_draft_keeps_no_pictures() -> None:
    observation = make_observation()
    picture = observation.findings.of(DOCUMENT).pages[0]
    watched = weakref.ref(picture)
    draft = RecordDraft.from_observation(observation, None)

    del observation, picture
    gc.collect()

    assert watched() is None
    assert b'"document"' in draft.to_json()
