"""`/v1/models/{id}/kernels` and `kernelsight models kernels`."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import Jpeg
from tests.serving import Service, run

MODEL = "opennsfw"
ROUTE = f"/v1/models/{MODEL}/kernels"


def test_layers_have_their_health_figures(service: Service) -> None:
    reply = service.http.get(ROUTE).json()
    first = reply["layers"][0]

    assert reply["model"] == MODEL
    assert reply["pictures"] == 8
    assert len(reply["layers"]) == 53
    assert first["name"] == "Conv__440"
    assert first["activation"] == "relu"
    assert first["kernels"] == 64
    assert first["size"] == [7, 7]
    assert first["drift"] == 0
    assert first["saturated_share"] is None
    assert first["low"] == 0


def test_pictures_show_kernels_or_activations(service: Service) -> None:
    replies = [service.http.get(ROUTE, params={"format": "png", "show": one}) for one in ("kernels", "activations")]

    assert [reply.headers["content-type"] for reply in replies] == ["image/png"] * 2
    assert [Image.open(io.BytesIO(reply.content)).size for reply in replies] == [(534, 294), (1122, 810)]


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("no-model", {}, 404, "model-unknown"),
        ("rfb-640", {}, 503, "model-missing"),
        (MODEL, {"format": "png", "layer": "no such"}, 404, "layer-unknown"),
        (MODEL, {"format": "png", "layer": "conv_stage0_block0_branch2a"}, 501, "kernels-unavailable"),
        (MODEL, {"format": "gif"}, 422, "request-rejected"),
    ],
)
def test_kernels_that_cannot_be_shown_are_a_problem(
    service: Service, path: str, query: dict[str, str], status: int, code: str
) -> None:
    reply = service.http.get(f"/v1/models/{path}/kernels", params=query)

    assert reply.status_code == status
    assert reply.json()["type"] == f"urn:kernelsight:problem:{code}"


def test_the_command_line_inspects_an_image_and_writes_a_picture(tmp_path: Path, jpeg: Jpeg) -> None:
    image, png = tmp_path / "cat.jpg", tmp_path / "answers.png"
    image.write_bytes(jpeg("cat"))
    done = run("models", "kernels", MODEL, "--json", "--image", str(image), "--png", str(png), "--show", "activations")
    found = json.loads(done.stdout)

    assert found["traffic"] == 1
    assert found["layers"][0]["traffic_drift"] > 0
    assert Image.open(io.BytesIO(png.read_bytes())).size == (1122, 810)
