"""A service that serves only some of the pipelines."""

from collections.abc import Iterator

import pytest

from tests.conftest import Jpeg
from tests.serving import Service, run, serving


@pytest.fixture(scope="module")
def features_service() -> Iterator[Service]:
    with serving(pipelines="features") as service:
        yield service


def test_only_the_models_of_served_pipelines_are_loaded(features_service: Service) -> None:
    found = features_service.http.get("/v1/models").json()

    assert features_service.http.get("/readyz").json()["models"] == {"efficientnet-lite0": None}
    assert list(found["tasks"]) == ["encoder"]


def test_pipelines_with_the_same_models_are_served_too(features_service: Service, jpeg: Jpeg) -> None:
    found = [
        features_service.http.post(f"/v1/{route}", files={"file": jpeg("cat")}).status_code
        for route in ("features", "explain", "sanitize")
    ]

    assert found == [200, 200, 200]


def test_analyze_leaves_out_unserved_pipelines_unless_they_are_named(features_service: Service, jpeg: Jpeg) -> None:
    by_default = features_service.http.post("/v1/analyze", files={"file": jpeg("cat")}).json()
    named = features_service.http.post("/v1/analyze", files={"file": jpeg("cat")}, data={"pipelines": "features,faces"})

    assert by_default.keys() & {"moderation", "features", "faces"} == {"features"}
    assert named.status_code == 422
    assert named.json()["detail"] == "no pipeline 'faces' here; there are: features, explain, sanitize"


@pytest.mark.parametrize("route", ["faces", "avatars", "documents"])
def test_routes_of_unserved_pipelines_refuse_requests(features_service: Service, jpeg: Jpeg, route: str) -> None:
    answer = features_service.http.post(f"/v1/{route}", files={"file": jpeg("cat")})

    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:kernelsight:problem:request-rejected"


def test_texts_are_refused_without_the_moderation_pipeline(features_service: Service) -> None:
    answer = features_service.http.post("/v1/moderations", json={"input": "hello"})

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_the_text_signal_is_refused_without_an_ocr_reader(jpeg: Jpeg) -> None:
    with serving(pipelines="moderation") as service:
        plain = service.http.post("/v1/moderations", files={"file": jpeg("cat")})
        reading = service.http.post("/v1/moderations", files={"file": jpeg("cat")}, data={"signals": "text"})

    assert plain.status_code == 200
    assert reading.status_code == 400


def test_an_unknown_pipeline_in_settings_is_refused_in_one_line() -> None:
    found = run("serve", pipelines="features,face")

    assert found.returncode == 1
    assert found.stderr.count("\n") == 1
    assert "KERNELSIGHT_PIPELINES.1: Input should be 'moderation', 'features', " in found.stderr
