"""A service that serves a part of what it could."""

from collections.abc import Iterator

import pytest

from tests.conftest import Jpeg
from tests.serving import Service, run, serving


@pytest.fixture(scope="module")
def small() -> Iterator[Service]:
    with serving(pipelines="features") as service:
        yield service


def test_only_the_models_that_it_takes_are_loaded(small: Service) -> None:
    found = small.http.get("/v1/models").json()

    assert small.http.get("/readyz").json()["models"] == {"efficientnet-lite0": None}
    assert list(found["tasks"]) == ["encoder"]


def test_it_answers_what_it_serves_and_what_takes_the_same_models(small: Service, jpeg: Jpeg) -> None:
    found = [
        small.http.post(f"/v1/{route}", files={"file": jpeg("cat")}).status_code
        for route in ("features", "explain", "sanitize")
    ]

    assert found == [200, 200, 200]


def test_analyze_leaves_out_what_is_not_served_unless_it_is_named(small: Service, jpeg: Jpeg) -> None:
    by_default = small.http.post("/v1/analyze", files={"file": jpeg("cat")}).json()
    named = small.http.post("/v1/analyze", files={"file": jpeg("cat")}, data={"pipelines": "features,faces"})

    assert by_default.keys() & {"moderation", "features", "faces"} == {"features"}
    assert (named.status_code, named.json()["detail"]) == (
        422, "no pipeline 'faces' here; there are: features, explain, sanitize",
    )  # fmt: skip


@pytest.mark.parametrize("route", ["faces", "avatars", "documents"])
def test_what_is_not_served_is_refused_in_words(small: Service, jpeg: Jpeg, route: str) -> None:
    answer = small.http.post(f"/v1/{route}", files={"file": jpeg("cat")})

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:kernelsight:problem:request-rejected")


def test_texts_are_not_judged_where_moderation_is_not_served(small: Service) -> None:
    answer = small.http.post("/v1/moderations", json={"input": "hello"})

    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_text_in_pictures_cannot_be_asked_for_without_a_reader(jpeg: Jpeg) -> None:
    with serving(pipelines="moderation") as service:
        plain = service.http.post("/v1/moderations", files={"file": jpeg("cat")})
        reading = service.http.post("/v1/moderations", files={"file": jpeg("cat")}, data={"signals": "text"})

    assert (plain.status_code, reading.status_code) == (200, 400)


def test_a_name_that_is_none_is_said_in_one_line() -> None:
    found = run("serve", pipelines="features,face")

    assert (found.returncode, found.stderr.count("\n")) == (1, 1)
    assert "KERNELSIGHT_PIPELINES.1: Input should be 'moderation', 'features', 'faces' or 'document'" in found.stderr
