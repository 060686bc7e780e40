"""`/v1/features` and `/v1/analyze` on a running service with real models."""

import base64
import os

import numpy as np
import orjson
import pytest

from tests.conftest import Jpeg
from tests.serving import Service


def test_a_photograph_gets_an_embedding_tags_and_a_prompt(service: Service, jpeg: Jpeg) -> None:
    reply = service.http.post("/v1/features", files={"file": jpeg("coffee")}).json()

    assert len(reply["embedding"]) == 1280
    assert round(float(np.linalg.norm(reply["embedding"])), 4) == 1.0
    assert reply["image"]["width"] == 600
    assert reply["image"]["height"] == 400
    assert reply["image"]["format"] == "JPEG"
    assert reply["tags"][0]["label"] == "espresso"
    assert reply["tags"][0]["group"] == "food"
    assert "espresso" in reply["prompt"]
    assert [model["id"] for model in reply["models"]] == ["efficientnet-lite0"]


def test_every_tag_has_the_fields_that_clients_read(service: Service, jpeg: Jpeg) -> None:
    tags = service.http.post("/v1/features?top_k=3&min_score=0", files={"file": jpeg("cat")}).json()["tags"]

    assert [sorted(tag) for tag in tags] == [["group", "index", "label", "score", "wnid"]] * 3


@pytest.mark.parametrize("prefix", ["", "data:image/jpeg;base64,"])
def test_base64_in_json_answers_the_same_as_a_form(service: Service, jpeg: Jpeg, prefix: str) -> None:
    data = prefix + base64.b64encode(jpeg("cat")).decode()
    form = service.http.post("/v1/features", files={"file": jpeg("cat")}).json()

    json = service.http.post("/v1/features", json={"image": {"data": data}}).json()

    assert json["tags"] == form["tags"]
    assert json["embedding"] == form["embedding"]


def test_url_accepts_a_data_url(service: Service, jpeg: Jpeg) -> None:
    url = "data:image/jpeg;base64," + base64.b64encode(jpeg("cat")).decode()

    assert service.http.post("/v1/features", json={"image": {"url": url}}).status_code == 200


def test_options_in_the_body_win_over_the_query(service: Service, jpeg: Jpeg) -> None:
    body = {"image": {"data": base64.b64encode(jpeg("cat")).decode()}, "top_k": 2, "embedding": "none"}

    reply = service.http.post("/v1/features?top_k=9&min_score=0", json=body).json()

    assert len(reply["tags"]) == 2
    assert "embedding" not in reply


def test_the_grid_has_visual_tokens_in_float16(service: Service, jpeg: Jpeg) -> None:
    reply = service.http.post("/v1/features?grid=true&embedding=base64", files={"file": jpeg("cat")}).json()

    grid = np.frombuffer(base64.b64decode(reply["grid"]["data"]), "<f2").reshape(reply["grid"]["shape"])
    embedding = np.frombuffer(base64.b64decode(reply["embedding"]["data"]), "<f4")
    mean = grid.astype(np.float32).mean((0, 1))
    assert grid.shape == (7, 7, 1280)
    assert float(mean @ embedding / np.linalg.norm(mean)) > 0.999


def test_analyze_runs_the_named_pipelines(service: Service, jpeg: Jpeg) -> None:
    reply = service.http.post("/v1/analyze?pipelines=features", files={"file": jpeg("cat")}).json()

    assert {"result_id", "image", "features", "prompt", "models", "timings"} == reply.keys()


def test_analyze_takes_each_pipelines_options_under_its_name(service: Service, jpeg: Jpeg) -> None:
    options = {"features": '{"top_k": 1, "embedding": "none"}', "pipelines": "features"}

    reply = service.http.post("/v1/analyze", files={"file": jpeg("cat")}, data=options).json()

    assert len(reply["features"]["tags"]) == 1
    assert "embedding" not in reply["features"]


def test_a_repeated_image_gets_the_same_features_without_inference(service: Service, jpeg: Jpeg) -> None:
    photo = jpeg("cat") + os.urandom(8)
    first, second = (service.http.post("/v1/features", files={"file": photo}).json() for _ in range(2))

    timings = [one.pop("timings") for one in (first, second)]
    assert ["features.session" in one for one in timings] == [True, False]
    assert first.pop("result_id") != second.pop("result_id")
    assert first == second


def test_timings_add_up_to_the_total(service: Service, jpeg: Jpeg) -> None:
    photo = jpeg("cat") + os.urandom(8)  # not in the encoder's cache
    timings = service.http.post("/v1/features", files={"file": photo}).json()["timings"]

    stages = {"decode", "features.preprocess", "features.wait", "features.session", "features.postprocess"}
    assert timings.keys() - {"total"} == stages
    assert sum(timings[stage] for stage in stages) <= timings["total"]


@pytest.mark.parametrize("kind", ["application/json", "text/json", "TEXT/JSON; charset=utf-8"])
def test_json_is_read_by_either_of_its_names(service: Service, jpeg: Jpeg, kind: str) -> None:
    body = orjson.dumps({"image": {"data": base64.b64encode(jpeg("cat")).decode()}})

    assert service.http.post("/v1/features", content=body, headers={"Content-Type": kind}).status_code == 200
