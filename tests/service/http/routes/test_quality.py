"""Quality in `/metrics` and `/v1/quality` after real requests to a running service."""

from typing import Any

from tests.conftest import Jpeg
from tests.serving import Service


def subjects(service: Service) -> dict[str, dict[str, Any]]:
    return {one["subject"]: one for one in service.http.get("/v1/quality").json()["subjects"]}


def test_a_request_counts_for_each_subject_that_it_covers(service: Service, jpeg: Jpeg) -> None:
    before = subjects(service)
    service.http.post("/v1/analyze", files={"file": jpeg("astronaut")}).raise_for_status()
    after = subjects(service)

    counted = {name: after[name]["observations"] - one["observations"] for name, one in before.items()}
    assert list(counted.values()) == [1, 1, 1, 1, 0, 0]
    assert set(counted) >= {"images", "efficientnet-lite0", "opennsfw", "ppocr-v6-rec-small", "picodet-cdla"}


def test_quality_metrics_follow_the_results(service: Service, jpeg: Jpeg) -> None:
    service.http.post("/v1/analyze", files={"file": jpeg("coffee")}).raise_for_status()

    names = {line.partition("{")[0].partition(" ")[0] for line in service.http.get("/metrics").text.splitlines()}
    assert names >= {
        "kernelsight_confidence_count",
        "kernelsight_moderation_verdicts_total",
        "kernelsight_found_sum",
        "kernelsight_image_brightness_count",
        "kernelsight_drift_window",
        "kernelsight_drift_reference",
    }
