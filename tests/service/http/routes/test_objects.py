"""`/v1/objects` and `kernelsight objects`, on tiny detectors, and what a service without detectors does."""

import base64
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

from tests.serving import Service, problem_code, run, serving, wait_for_queue
from tests.tiny_detectors import open_store_without_detectors, open_tiny_detectors


def picture(colour: str = "white", size: tuple[int, int] = (400, 200)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def finding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = open_tiny_detectors(tmp_path_factory.mktemp("finding"))
    with serving(store=settings["store"], catalog=settings["catalog"]) as service:
        yield service


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = open_store_without_detectors(tmp_path_factory.mktemp("without"))
    with serving(store=settings["store"]) as service:
        yield service


def post(service: Service, image: bytes, route: str = "objects", **query: Any) -> httpx2.Response:
    return service.http.post(f"/v1/{route}", files={"file": ("photo.png", image)}, params=query)


def test_the_reply_lists_objects_and_counts(finding: Service) -> None:
    reply = post(finding, picture()).json()

    assert reply.keys() == {
        "result_id", "image", "prompt", "models", "timings", "objects", "counts", "statements", "precision",
        "detector",
    }  # fmt: skip
    assert reply["objects"][0].keys() == {"label", "box", "score", "position", "size"}
    assert reply["counts"] == {"person": 2}
    assert reply["detector"] == "yolox-nano-picodet-s"


def test_both_detectors_and_all_stages_are_named(finding: Service) -> None:
    reply = post(finding, picture()).json()

    assert [one["id"] for one in reply["models"]] == ["yolox-nano", "picodet-s"]
    assert reply["timings"].keys() >= {f"objects.{one}" for one in ("preprocess", "session", "postprocess", "fuse")}


@pytest.mark.parametrize("query", [{"labels": "chair"}, {"labels": ["chair", "dog"]}, {"labels": "chair,cat"}], ids=str)
def test_labels_are_chosen_in_the_query(finding: Service, query: dict[str, Any]) -> None:
    reply = post(finding, picture(), min_score=0.2, **query).json()

    assert [one["label"] for one in reply["objects"]] == ["chair"]
    assert reply["counts"] == {}


def test_options_are_taken_from_json(finding: Service) -> None:
    reply = finding.http.post(
        "/v1/objects",
        json={"image": {"data": base64.b64encode(picture()).decode()}, "labels": ["chair"], "min_score": 0.1},
    )

    assert [one["label"] for one in reply.json()["objects"]] == ["chair"]


@pytest.mark.parametrize("query", [{"labels": "unicorn"}, {"min_score": 2}, {"max": 0}, {"precision": 1}], ids=str)
def test_wrong_options_are_refused(finding: Service, query: dict[str, Any]) -> None:
    reply = post(finding, picture(), **query)

    assert (reply.status_code, problem_code(reply)) == (422, "request-rejected")


def test_analyze_finds_objects_by_default(finding: Service) -> None:
    reply = post(finding, picture(), "analyze").json()

    assert reply["objects"]["counts"] == {"person": 2}


def test_the_prompt_states_the_counts(finding: Service) -> None:
    reply = post(finding, picture()).json()

    assert "In the picture: 2 people (left, right)." in reply["prompt"].splitlines()


def test_a_job_finds_objects(finding: Service) -> None:
    wait_for_queue(finding.http)
    reply = finding.http.post(
        "/v1/objects", files={"file": picture()}, params={"labels": "person"}, headers={"Prefer": "respond-async"}
    )
    job = reply.json()["id"]
    while finding.http.get(f"/v1/jobs/{job}").json()["state"] not in ("done", "failed"):
        time.sleep(0.05)

    result = finding.http.get(f"/v1/jobs/{job}/result")
    assert reply.status_code == 202
    assert result.json()["counts"] == {"person": 2}


def test_objects_are_in_the_metrics(finding: Service) -> None:
    post(finding, picture())
    text = finding.http.get("/metrics").text

    assert 'kernelsight_found_bucket{kind="objects",le="2.0",pipeline="objects"}' in text


def test_the_models_route_names_the_detectors(finding: Service) -> None:
    task = finding.http.get("/v1/models").json()["tasks"]["objects"]

    assert (task["name"], task["models"]) == ("yolox-nano-picodet-s", ["yolox-nano", "picodet-s"])


def test_the_command_line_counts_and_draws(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    settings = open_tiny_detectors(tmp_path / "models")
    drawn = tmp_path / "drawn.png"

    done = run("objects", str(tmp_path / "a.png"), "--labels", "person", "--draw", str(drawn), **settings)

    found = json.loads(done.stdout)
    box = found["objects"][0]["box"]
    assert found["counts"] == {"person": 2}
    assert Image.open(drawn).getpixel((int(box[0]), int(box[3]) - 5)) == (0, 200, 83)


def test_without_detectors_the_route_says_how_to_get_them(without: Service) -> None:
    reply = post(without, picture())

    assert (reply.status_code, problem_code(reply)) == (503, "pipeline-unavailable")
    assert "kernelsight models pull yolox-nano" in reply.json()["detail"]


def test_without_detectors_analyze_answers_without_objects(without: Service) -> None:
    reply = post(without, picture(), "analyze")

    assert reply.status_code == 200
    assert reply.json().keys() & {"moderation", "features", "objects", "faces"} == {"moderation", "features", "faces"}


def test_without_detectors_analyze_refuses_objects_by_name(without: Service) -> None:
    reply = post(without, picture(), "analyze", pipelines="features,objects")

    assert (reply.status_code, problem_code(reply)) == (503, "pipeline-unavailable")


def test_without_detectors_the_models_route_says_so(without: Service) -> None:
    task = without.http.get("/v1/models").json()["tasks"]["objects"]

    assert (task["name"], task["models"]) == ("none", [])
    assert "kernelsight models pull yolox-nano" in task["reason"]


def test_without_detectors_the_command_ends_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "a.png").write_bytes(picture())

    done = run("objects", str(tmp_path / "a.png"), **open_store_without_detectors(tmp_path / "store"))

    assert done.returncode == 1
    assert "kernelsight models pull yolox-nano" in done.stderr
