"""`kernelsight trace`: shows the record of a result, and the feedback on it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from service.monitoring.audit.file_log import FileEventLog
from tests.conftest import Jpeg
from tests.service.conftest import LONG_SECONDS
from tests.service.monitoring.audit.records import make_line
from tests.serving import Service, run


def run_trace(service: Service, id: str) -> dict[str, Any]:
    done = run("trace", id, "--json", audit=service.settings["audit"])
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_result_is_traced_with_its_feedback(service: Service, jpeg: Jpeg) -> None:
    answer = service.http.post("/v1/analyze", files={"file": jpeg("astronaut")}).json()
    given = {"result_id": answer["result_id"], "pipeline": "faces", "verdict": "wrong", "expected": 2}
    reply = service.http.post("/v1/feedback", json=given)

    found = run_trace(service, answer["result_id"])

    record = found["record"]
    assert reply.status_code == 200
    assert reply.json()["said"] == {"face": 1}
    assert reply.json()["replaced"] is False
    assert [(one["pipeline"], one["verdict"], one["expected"]) for one in found["feedback"]] == [
        ("faces", "wrong", {"face": 2})
    ]
    assert record["image"] == answer["image"]
    assert record["models"] == answer["models"]
    assert record["moderation"]["policy_sha256"] == answer["moderation"]["policy_sha256"]
    assert {one["name"]: one["seconds"] for one in record["stages"]} == pytest.approx(answer["timings"], abs=1e-5)
    assert [(one["sha256"], bool(one["sources"])) for one in found["models"]] == [
        (one["sha256"], True) for one in answer["models"]
    ]


def test_a_moderated_text_is_traced_without_the_text(service: Service) -> None:
    [result] = service.http.post("/v1/moderations", json={"input": "I will kill you"}).json()["results"]
    result_id = result["kernelsight"]["result_id"]
    feedback = service.http.post("/v1/feedback", json={"result_id": result_id, "verdict": "right"})

    record = run_trace(service, result_id)["record"]

    assert feedback.json()["said"] == {"review": 1, "harassment": 1}
    assert record["characters"] == 15
    assert record["moderation"]["verdict"] == "review"
    assert "kill" not in json.dumps(record)


def write_record(folder: Path) -> str:
    """Its result id."""
    id, line = make_line()
    asyncio.run(FileEventLog(folder, "audit", LONG_SECONDS).append([line]))
    return id


def test_the_report_for_people_has_every_step(tmp_path: Path) -> None:
    id = write_record(tmp_path)

    shown = run("trace", id, audit=str(tmp_path)).stdout

    rows = {text.split()[0]: " ".join(text.split()) for text in shown.splitlines()}
    assert id in shown
    assert rows["asked"] == "asked analyze, request req_1, trace trace1, job job_1, interactive"
    assert rows["image"].startswith("image JPEG, RGB, 640 x 480, 1,234 bytes")
    assert rows["total"].split()[-1] == "500.0"
    assert rows["moderation.session"].split()[-1] == "200.0"
    assert rows["model"] == "model some-model 2, sha256 cdcdcdcdcdcd, not in the store now"
    assert rows["verdict"].startswith("verdict review, severity 3, policy default 1")
    assert rows["weapon"] == "weapon review objects.weapon 0.700 0.5"
    assert rows["objects"] == "objects dog 1, person 2, 5 listed, best 0.950, tiny"
    assert rows["faces"] == "faces 2, of 2 candidates, best 0.900, yunet"


@pytest.mark.parametrize(
    ("audit", "message"), [("log", "there is no record of a result 'res_1'"), ("off", "KERNELSIGHT_AUDIT is off")]
)
def test_an_unknown_result_is_an_error_of_one_line(tmp_path: Path, audit: str, message: str) -> None:
    done = run("trace", "res_1", audit="off" if audit == "off" else str(tmp_path / audit))

    assert message in done.stderr
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
