"""`/v1/quality` and `/v1/quality/reference`, on an app with only these routes."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from pipelines.findings import Observation
from service.monitoring.quality.observer import QualityObserver
from service.settings import Settings
from tests.service.monitoring.quality.app import create_quality_app
from tests.service.monitoring.quality.observations import WHITE, make_observation
from tests.service.monitoring.quality.traffic import make_observer


def client(observer: QualityObserver) -> TestClient:
    return TestClient(create_quality_app(observer, Settings()))


def subject(body: dict[str, Any], name: str) -> dict[str, Any]:
    [found] = [one for one in body["subjects"] if one["subject"] == name]
    return dict(found)


def observe(observer: QualityObserver, one: Observation, count: int) -> None:
    for _ in range(count):
        observer.observe(one)


def test_a_capture_reports_its_progress() -> None:
    observer = make_observer()
    http = client(observer)

    reply = http.post("/v1/quality/reference?observations=600")
    observe(observer, make_observation(), 100)

    assert reply.status_code == 202
    assert subject(http.get("/v1/quality").json(), "images")["capturing"] == {"observations": 100, "wanted": 600}


def test_a_signal_shows_its_window_beside_its_reference() -> None:
    observer = make_observer()
    observer.capture(500, "traffic")
    observe(observer, make_observation(), 500)
    images = observer.trackers["images"]
    assert images.capture
    images.reference = images.capture.reference()
    observe(observer, make_observation(WHITE), 500)

    found = subject(client(observer).get("/v1/quality").json(), "images")

    [brightness] = [one for one in found["signals"] if one["signal"] == "brightness"]
    assert found["state"] == "compared"
    assert brightness["level"] == "major"
    assert brightness["observations"] == 500
    assert brightness["bins"] == [
        {"bin": "< 0.2", "reference": 0.0, "current": 0.0},
        {"bin": "0.2 to 0.225", "reference": 1.0, "current": 0.0},
        {"bin": ">= 0.225", "reference": 0.0, "current": 1.0},
    ]


@pytest.mark.parametrize("observations", ["499", "many"])
def test_a_reference_of_too_few_observations_is_refused(observations: str) -> None:
    reply = client(make_observer()).post(f"/v1/quality/reference?observations={observations}")

    assert reply.status_code == 422
    assert reply.json()["type"] == "urn:kernelsight:problem:request-rejected"
