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
from service.http import error_handlers
from tests.conftest import Jpeg
from tests.serving import Service, run

MUG_WNID, MUG, ESPRESSO = "n03063599", 504, 967


def post(service: Service, image: bytes, route: str = "explain", **query: Any) -> httpx2.Response:
    return service.http.post(f"/v1/{route}", files={"file": ("photo.jpg", image)}, params=query)


def test_the_best_tag_is_explained_cell_by_cell_with_a_picture(service: Service, jpeg: Jpeg) -> None:
    reply = post(service, jpeg("coffee")).json()
    [found] = reply["explanations"]
    picture = Image.open(io.BytesIO(base64.b64decode(found["overlay"], validate=True)))

    assert (found["label"], found["index"], found["box"]) == ("espresso", ESPRESSO, [125, 25, 475, 375])
    assert (np.shape(found["contributions"]), np.sum(found["contributions"])) == (
        (7, 7),
        pytest.approx(found["logit"], abs=1e-3),
    )
    assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (512, 341))
    assert reply.keys() >= {"result_id", "image", "prompt", "models", "timings"}


def test_the_scores_are_those_of_the_tags(service: Service, jpeg: Jpeg) -> None:
    tags = post(service, jpeg("cat"), "features", top_k=3, min_score=0).json()["tags"]
    explained = post(service, jpeg("cat"), top_k=3, overlay=False).json()["explanations"]

    assert [{name: one[name] for name in tags[0]} for one in explained] == tags


@pytest.mark.parametrize("named", [{"wnid": MUG_WNID}, {"index": MUG}], ids=["wnid", "index"])
def test_a_class_can_be_named(service: Service, jpeg: Jpeg, named: dict[str, Any]) -> None:
    [found] = post(service, jpeg("coffee"), **named, overlay=False).json()["explanations"]

    assert (found["index"], found["wnid"], found["label"], "overlay" in found) == (MUG, MUG_WNID, "coffee mug", False)


def test_the_picture_alone_can_be_had(service: Service, jpeg: Jpeg) -> None:
    reply = post(service, jpeg("coffee"), format="png", overlay=False)

    assert reply.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(reply.content)).size == (512, 341)


@pytest.mark.parametrize(
    "query",
    [{"wnid": "n99999999"}, {"wnid": "coffee"}, {"index": 1000}, {"index": -1}, {"index": 1, "wnid": MUG_WNID},
     {"top_k": 0}, {"top_k": 11}, {"format": "gif"}],
    ids=str,
)  # fmt: skip
def test_a_class_that_is_not_there_and_options_out_of_range_are_refused(
    service: Service, jpeg: Jpeg, query: dict[str, Any]
) -> None:
    reply = post(service, jpeg("coffee"), **query)

    assert (reply.status_code, reply.json()["type"]) == (422, "urn:kernelsight:problem:request-rejected")


def test_analyze_explains_when_it_is_asked_to_and_only_then(service: Service, jpeg: Jpeg) -> None:
    asked = post(service, jpeg("coffee"), "analyze", pipelines="features,explain").json()
    not_asked = post(service, jpeg("coffee"), "analyze").json()

    assert (asked["explain"]["explanations"][0]["label"], "explain" in not_asked) == ("espresso", False)


def test_the_command_line_writes_the_picture(tmp_path: Path, jpeg: Jpeg) -> None:
    (tmp_path / "coffee.jpg").write_bytes(jpeg("coffee"))
    done = run("explain", str(tmp_path / "coffee.jpg"), str(tmp_path / "out.png"), "--wnid", MUG_WNID)

    assert (done.returncode, "coffee mug, score" in done.stderr) == (0, True)
    with Image.open(tmp_path / "out.png") as written:
        assert written.size == (512, 341)


def test_a_model_that_cannot_be_explained_is_a_501_with_a_stable_code() -> None:
    reply = error_handlers.answer(ExplanationUnavailable("some-net", "it has two layers"), "/v1/explain")

    assert (reply.status_code, b"problem:explanation-unavailable" in bytes(reply.body)) == (501, True)
