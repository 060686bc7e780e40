"""GET /v1/quality and POST /v1/quality/reference, on an app of only these routes."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from pipelines.findings import Observation
from service.monitoring.quality.observer import Quality
from service.settings import Settings
from tests.service.monitoring.quality.app import app_of
from tests.service.monitoring.quality.observations import WHITE, seen
from tests.service.monitoring.quality.traffic import quality


def client(observer: Quality) -> TestClient:
    return TestClient(app_of(observer, Settings()))


def subject(body: dict[str, Any], name: str) -> dict[str, Any]:
    [found] = [one for one in body["subjects"] if one["subject"] == name]
    return dict(found)


def heard(observer: Quality, one: Observation, count: int) -> None:
    for _ in range(count):
        observer(one)


def test_a_capture_that_was_asked_for_says_how_far_it_is() -> None:
    observer = quality()
    http = client(observer)

    reply = http.post("/v1/quality/reference?observations=600")
    heard(observer, seen(), 100)

    assert (reply.status_code, subject(http.get("/v1/quality").json(), "images")["capturing"]) == (
        202,
        {"observations": 100, "wanted": 600},
    )


def test_a_signal_shows_its_window_beside_its_reference() -> None:
    observer = quality()
    observer.capture(500, "traffic")
    heard(observer, seen(), 500)
    images = observer.trackers["images"]
    assert images.capture
    images.reference = images.capture.reference()
    heard(observer, seen(WHITE), 500)

    found = subject(client(observer).get("/v1/quality").json(), "images")

    [brightness] = [one for one in found["signals"] if one["signal"] == "brightness"]
    assert (found["state"], brightness["level"], brightness["observations"]) == ("compared", "major", 500)
    assert brightness["bins"] == [
        {"bin": "< 0.2", "reference": 0.0, "current": 0.0},
        {"bin": "0.2 to 0.225", "reference": 1.0, "current": 0.0},
        {"bin": ">= 0.225", "reference": 0.0, "current": 1.0},
    ]


@pytest.mark.parametrize("observations", ["499", "many"])
def test_a_reference_of_too_few_answers_is_refused(observations: str) -> None:
    reply = client(quality()).post(f"/v1/quality/reference?observations={observations}")

    assert (reply.status_code, reply.json()["type"]) == (422, "urn:kernelsight:problem:request-rejected")
