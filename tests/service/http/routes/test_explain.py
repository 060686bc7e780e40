"""`/v1/explain` and `kernelsight explain`."""

import base64
import io
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from PIL import Image

from models.errors import ExplanationUnavailable
from service.http.error_handlers import error_response
from tests.conftest import Jpeg
from tests.serving import Service, run

MUG_WNID, MUG, ESPRESSO = "n03063599", 504, 967


def post(service: Service, image: bytes, route: str = "explain", **query: Any) -> httpx2.Response:
    return service.http.post(f"/v1/{route}", files={"file": ("photo.jpg", image)}, params=query)


def test_the_best_tag_is_explained_by_cells_and_an_overlay(service: Service, jpeg: Jpeg) -> None:
    reply = post(service, jpeg("coffee")).json()
    [found] = reply["explanations"]
    picture = Image.open(io.BytesIO(base64.b64decode(found["overlay"], validate=True)))

    assert found["label"] == "espresso"
    assert found["index"] == ESPRESSO
    assert found["box"] == [125, 25, 475, 375]
    assert np.shape(found["contributions"]) == (7, 7)
    assert np.sum(found["contributions"]) == pytest.approx(found["logit"], abs=1e-3)
    assert picture.format == "PNG"
    assert picture.mode == "RGB"
    assert picture.size == (512, 341)
    assert reply.keys() >= {"result_id", "image", "prompt", "models", "timings"}


def test_scores_are_those_of_the_tags(service: Service, jpeg: Jpeg) -> None:
    tags = post(service, jpeg("cat"), "features", top_k=3, min_score=0).json()["tags"]
    explained = post(service, jpeg("cat"), top_k=3, overlay=False).json()["explanations"]

    assert [{name: one[name] for name in tags[0]} for one in explained] == tags


@pytest.mark.parametrize("named", [{"wnid": MUG_WNID}, {"index": MUG}], ids=["wnid", "index"])
def test_a_class_can_be_named(service: Service, jpeg: Jpeg, named: dict[str, Any]) -> None:
    [found] = post(service, jpeg("coffee"), **named, overlay=False).json()["explanations"]

    assert found["index"] == MUG
    assert found["wnid"] == MUG_WNID
    assert found["label"] == "coffee mug"
    assert "overlay" not in found


def test_png_gives_the_overlay_alone(service: Service, jpeg: Jpeg) -> None:
    reply = post(service, jpeg("coffee"), format="png", overlay=False)

    assert reply.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(reply.content)).size == (512, 341)


@pytest.mark.parametrize(
    "query",
    [{"wnid": "n99999999"}, {"wnid": "coffee"}, {"index": 1000}, {"index": -1}, {"index": 1, "wnid": MUG_WNID},
     {"top_k": 0}, {"top_k": 11}, {"format": "gif"}],
    ids=str,
)  # fmt: skip
def test_unknown_classes_and_options_out_of_range_are_refused(
    service: Service, jpeg: Jpeg, query: dict[str, Any]
) -> None:
    reply = post(service, jpeg("coffee"), **query)

    assert reply.status_code == 422
    assert reply.json()["type"] == "urn:kernelsight:problem:request-rejected"


def test_analyze_explains_only_on_request(service: Service, jpeg: Jpeg) -> None:
    requested = post(service, jpeg("coffee"), "analyze", pipelines="features,explain").json()
    by_default = post(service, jpeg("coffee"), "analyze").json()

    assert requested["explain"]["explanations"][0]["label"] == "espresso"
    assert "explain" not in by_default


def test_the_command_line_writes_the_overlay(tmp_path: Path, jpeg: Jpeg) -> None:
    (tmp_path / "coffee.jpg").write_bytes(jpeg("coffee"))
    done = run("explain", str(tmp_path / "coffee.jpg"), str(tmp_path / "out.png"), "--wnid", MUG_WNID)

    assert done.returncode == 0
    assert "coffee mug, score" in done.stderr
    with Image.open(tmp_path / "out.png") as written:
        assert written.size == (512, 341)


def test_a_model_that_cannot_be_explained_is_a_501() -> None:
    reply = error_response(ExplanationUnavailable("some-net", "it has two layers"), "/v1/explain")

    assert reply.status_code == 501
    assert b"problem:explanation-unavailable" in bytes(reply.body)
