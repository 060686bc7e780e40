"""/v1/feedback without models: one record in a folder, and the app around it."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from service.http.app import create_app
from service.monitoring.audit.factory import Journals, open_journals
from service.monitoring.audit.observer import Audit
from service.monitoring.feedback.aggregator import Desk
from service.monitoring.feedback.labels import Known
from service.settings import Settings
from tests.service.monitoring.audit.records import id_at, line


async def known() -> Known:
    return Known({"weapon"}, set(), {})


async def opened(settings: Settings) -> Journals:
    async with open_journals(settings) as journals:
        return journals


@pytest.fixture
def id_and_http(tmp_path: Path) -> tuple[str, TestClient]:
    settings = Settings(audit=str(tmp_path / "log"))
    journals, registry = asyncio.run(opened(settings)), CollectorRegistry()
    id, its = line()
    asyncio.run(journals.audit.append([its]))
    app = create_app(settings)
    app.state.components = SimpleNamespace()
    desk = Desk(Audit(journals.audit, registry), journals, known, registry, window=10, days=1)
    app.state.watch = SimpleNamespace(feedback=desk)
    return id, TestClient(app, raise_server_exceptions=False)


def test_feedback_is_summed_up_and_disputes_are_listed(id_and_http: tuple[str, TestClient]) -> None:
    id, http = id_and_http
    given = {"result_id": id, "pipeline": "moderation", "verdict": "wrong", "expected": "allow", "comment": "a toy"}

    reply = http.post("/v1/feedback", json=given).json()
    summary = http.get("/v1/feedback/summary").json()
    page = http.get("/v1/feedback/disputed").json()

    assert (reply["said"], reply["expected"], reply["replaced"]) == ({"review": 1, "weapon": 1}, {"allow": 1}, False)
    assert {one["category"]: one["precision"] for one in summary["pipelines"]["moderation"]["categories"]} == {
        "allow": None, "review": 0, "weapon": 0,
    }  # fmt: skip
    assert [(one["comment"], one["expected"], one["record"]["result_id"]) for one in page["data"]] == [
        ("a toy", "allow", id)
    ]


@pytest.mark.parametrize(
    ("change", "status", "problem"),
    [
        ({"result_id": id_at(0)}, 404, "result-unknown"),
        ({"verdict": "perhaps"}, 422, "request-rejected"),
        ({"pipeline": "document"}, 422, "request-rejected"),
        ({"expected": -1}, 422, "request-rejected"),
        ({"comment": "x" * 1001}, 422, "request-rejected"),
        ({"user": "me"}, 422, "request-rejected"),
    ],
)
def test_feedback_that_is_none_is_a_problem(
    id_and_http: tuple[str, TestClient], change: dict[str, object], status: int, problem: str
) -> None:
    id, http = id_and_http
    given = {"result_id": id, "pipeline": "moderation", "verdict": "wrong"} | change

    reply = http.post("/v1/feedback", json=given)

    assert (reply.status_code, reply.json()["type"]) == (status, f"urn:kernelsight:problem:{problem}")


def test_a_cursor_that_is_none_is_a_problem(id_and_http: tuple[str, TestClient]) -> None:
    reply = id_and_http[1].get("/v1/feedback/disputed?after=../x")

    assert (reply.status_code, reply.json()["type"]) == (422, "urn:kernelsight:problem:request-rejected")


def test_without_an_audit_log_there_is_no_feedback() -> None:
    app = create_app(Settings(audit="off"))
    app.state.components, app.state.watch = SimpleNamespace(), SimpleNamespace(feedback=None)

    reply = TestClient(app).get("/v1/feedback/summary")

    assert (reply.status_code, reply.json()["type"]) == (403, "urn:kernelsight:problem:audit-off")
