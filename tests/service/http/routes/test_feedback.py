"""`/v1/feedback` on an app without models, with one audit record in a folder."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from pipelines.cpu_pool import CpuPool
from service.http.app import create_app
from service.monitoring.audit.factory import EventLogs, open_event_logs
from service.monitoring.audit.observer import AuditObserver
from service.monitoring.feedback.aggregator import FeedbackAggregator
from service.monitoring.feedback.labels import KnownLabels
from service.settings import MonitoringSettings, Settings
from tests.service.monitoring.audit.records import make_line, result_id_at


async def known_labels() -> KnownLabels:
    return KnownLabels({"weapon"}, set(), {})


async def opened(settings: Settings) -> EventLogs:
    async with open_event_logs(settings) as journals:
        return journals


@pytest.fixture
def id_and_http(tmp_path: Path) -> tuple[str, TestClient]:
    settings = Settings(monitoring=MonitoringSettings(audit=str(tmp_path / "log")))
    journals, registry = asyncio.run(opened(settings)), CollectorRegistry()
    id, its = make_line()
    asyncio.run(journals.audit.append([its]))
    app = create_app(settings)
    app.state.components = SimpleNamespace(pool=CpuPool(threads=1), settings=settings)
    aggregator = FeedbackAggregator(
        AuditObserver(journals.audit, registry), journals, known_labels, registry, window=10, days=1
    )
    app.state.monitors = SimpleNamespace(feedback=aggregator)
    return id, TestClient(app, base_url="http://localhost", raise_server_exceptions=False)


def test_feedback_is_summed_up_and_disputes_are_listed(id_and_http: tuple[str, TestClient]) -> None:
    id, http = id_and_http
    given = {"result_id": id, "pipeline": "moderation", "verdict": "wrong", "expected": "allow", "comment": "a toy"}

    reply = http.post("/v1/feedback", json=given).json()
    summary = http.get("/v1/feedback/summary").json()
    page = http.get("/v1/feedback/disputed").json()

    assert reply["said"] == {"review": 1, "weapon": 1}
    assert reply["expected"] == {"allow": 1}
    assert reply["replaced"] is False
    assert {one["category"]: one["precision"] for one in summary["pipelines"]["moderation"]["categories"]} == {
        "allow": None, "review": 0, "weapon": 0,
    }  # fmt: skip
    assert [(one["comment"], one["expected"], one["record"]["result_id"]) for one in page["data"]] == [
        ("a toy", "allow", id)
    ]


@pytest.mark.parametrize(
    ("change", "status", "problem"),
    [
        ({"result_id": result_id_at(0)}, 404, "result-unknown"),
        ({"verdict": "perhaps"}, 422, "request-rejected"),
        ({"pipeline": "document"}, 422, "request-rejected"),
        ({"expected": -1}, 422, "request-rejected"),
        ({"comment": "x" * 1001}, 422, "request-rejected"),
        ({"user": "me"}, 422, "request-rejected"),
    ],
)
def test_invalid_feedback_is_a_problem(
    id_and_http: tuple[str, TestClient], change: dict[str, object], status: int, problem: str
) -> None:
    id, http = id_and_http
    given = {"result_id": id, "pipeline": "moderation", "verdict": "wrong"} | change

    reply = http.post("/v1/feedback", json=given)

    assert reply.status_code == status
    assert reply.json()["type"] == f"urn:kernelsight:problem:{problem}"


def test_an_invalid_cursor_is_a_problem(id_and_http: tuple[str, TestClient]) -> None:
    reply = id_and_http[1].get("/v1/feedback/disputed?after=../x")

    assert reply.status_code == 422
    assert reply.json()["type"] == "urn:kernelsight:problem:request-rejected"


def test_without_an_audit_log_there_is_no_feedback() -> None:
    app = create_app(Settings(monitoring=MonitoringSettings(audit="off")))
    app.state.components, app.state.monitors = SimpleNamespace(), SimpleNamespace(feedback=None)

    reply = TestClient(app, base_url="http://localhost").get("/v1/feedback/summary")

    assert reply.status_code == 403
    assert reply.json()["type"] == "urn:kernelsight:problem:audit-off"
