"""A running service with a tiny CLIP that knows three colours: embeddings of texts and images, and zero-shot tags."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.conftest import Jpeg
from tests.pipelines.clip.towers import write_tiny_clip
from tests.serving import Service, problem_code, run, serving

LABELS = "template: a photo of {} .\n[warm]\nred\n[cold]\ngreen\nabstain: blue\n"


@pytest.fixture(scope="module")
def clip_settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("clip")
    catalog, store = write_tiny_clip(folder)
    labels = folder / "labels.txt"
    labels.write_text(LABELS)
    return {"clip": "tiny-clip", "clip_labels": str(labels), "catalog": str(catalog), "versions": str(store)}


@pytest.fixture(scope="module")
def clip_service(clip_settings: dict[str, str]) -> Iterator[Service]:
    with serving(pipelines="features", **clip_settings) as service:  # type: ignore[arg-type]  # all are settings
        yield service


def png(*colour: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(stream, "PNG")
    return stream.getvalue()


def data_url(image: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(image).decode()


def embed(service: Service, *inputs: Any) -> NDArray[np.float64]:
    reply = service.http.post("/v1/embeddings", json={"input": list(inputs)})
    assert reply.status_code == 200, reply.text
    return np.array([one["embedding"] for one in reply.json()["data"]])


def test_texts_and_images_share_one_space(clip_service: Service) -> None:
    found = embed(clip_service, "a red door", data_url(png(200, 0, 0)), "green", data_url(png(0, 90, 0)))

    np.testing.assert_allclose(found @ found.T, np.kron(np.eye(2), np.ones((2, 2))), atol=1e-6)


def test_inputs_under_text_are_texts_whatever_they_begin_with(clip_service: Service) -> None:
    found = embed(clip_service, {"text": "http://red"}, {"type": "text", "text": "data: red"}, "red")

    np.testing.assert_allclose(found, [[1, 0, 0]] * 3, atol=1e-6)


def test_tokens_of_texts_are_counted(clip_service: Service) -> None:
    with openai.OpenAI(base_url=f"{clip_service.url}/v1", api_key="none", max_retries=0) as client:
        reply = client.embeddings.create(model="any", input=["red!!", data_url(png(1, 2, 3))])

    assert reply.usage.total_tokens == 2 + len("red!!")
    assert reply.model == "tiny-clip"


def test_texts_have_no_image_and_the_model_that_embedded_them(clip_service: Service) -> None:
    body = {"input": ["red", data_url(png(1, 2, 3))]}

    text, image = clip_service.http.post("/v1/embeddings", json=body).json()["kernelsight"]

    assert "image" not in text
    assert [one["id"] for one in text["models"]] == ["tiny-clip-text"]
    assert [one["id"] for one in image["models"]] == ["tiny-clip"]


def test_images_that_are_no_urls_are_refused(clip_service: Service) -> None:
    reply = clip_service.http.post("/v1/embeddings", json={"input": [{"image": "red"}]})

    assert reply.status_code == 400
    assert "input.0: an image is a data URL or http(s) URL" in reply.json()["error"]["message"]


def test_features_can_have_the_embedding_of_clip(clip_service: Service) -> None:
    files, data = {"file": png(0, 255, 0)}, {"space": "clip", "labels": "encoder"}

    found = clip_service.http.post("/v1/features", files=files, params=data).json()

    assert found["embedding"] == pytest.approx([0, 1, 0])
    assert {one["id"] for one in found["models"]} == {"efficientnet-lite0", "tiny-clip"}


def test_tags_are_the_operators_labels(clip_service: Service, jpeg: Jpeg) -> None:
    found = clip_service.http.post("/v1/features", files={"file": png(255, 0, 0)}).json()

    assert [(tag["label"], tag["group"]) for tag in found["tags"]] == [("red", "warm")]
    assert [one["group"] for one in found["groups"]] == ["warm"]
    assert "zero-shot" in found["calibration"]
    assert len(found["embedding"]) == 1280  # the encoder's, which custom categories use


def test_no_tag_is_given_where_the_classifier_abstains(clip_service: Service) -> None:
    found = clip_service.http.post("/v1/features", files={"file": png(0, 0, 255)}).json()

    assert found["tags"] == []
    assert "recognises" not in found["prompt"]


def test_requests_can_ask_for_the_encoders_classes(clip_service: Service, jpeg: Jpeg) -> None:
    found = clip_service.http.post("/v1/features", files={"file": jpeg("cat")}, params={"labels": "encoder"}).json()

    assert found["tags"][0]["wnid"].startswith("n0")


def test_feedback_knows_the_operators_labels(clip_service: Service) -> None:
    found = clip_service.http.post("/v1/features", files={"file": png(255, 0, 0)}).json()
    given = {"result_id": found["result_id"], "pipeline": "features", "verdict": "wrong", "expected": "green"}

    reply = clip_service.http.post("/v1/feedback", json=given).json()

    assert reply["said"] == {"red": 1, "warm": 1}
    assert reply["expected"] == {"green": 1, "cold": 1}


def test_golden_sets_ask_for_the_encoders_classes(clip_settings: dict[str, str]) -> None:
    done = run("canary", "run", pipelines="features", **clip_settings)

    assert done.returncode == 0, done.stdout + done.stderr


def test_models_name_clip_and_why(clip_service: Service) -> None:
    tasks = clip_service.http.get("/v1/models").json()["tasks"]

    assert tasks["clip"]["reason"] == "named by KERNELSIGHT_CLIP"


def test_a_text_towers_manifest_can_be_read(clip_service: Service) -> None:
    found = clip_service.http.get("/v1/models/tiny-clip-text").json()["manifest"]

    assert found["input"] == {"name": "tokens", "dtype": "int64", "length": 77}
    assert found["vocabulary"]["format"] == "clip-bpe"


def test_a_text_tower_has_no_kernels_to_inspect(clip_service: Service) -> None:
    reply = clip_service.http.get("/v1/models/tiny-clip-text/kernels")

    assert (reply.status_code, problem_code(reply)) == (501, "kernels-unavailable")


def test_without_clip_its_space_is_refused(service: Service, jpeg: Jpeg) -> None:
    reply = service.http.post("/v1/features", files={"file": jpeg("cat")}, params={"space": "clip"})

    assert (reply.status_code, problem_code(reply)) == (422, "request-rejected")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"clip": "efficientnet-lite0"}, "is no image tower of CLIP; there are: clip-rn50"),
        ({"clip": "clip-rn50"}, "kernelsight models pull clip-rn50"),
        ({"clip": "nothing"}, "no model 'nothing'"),
        ({"clip": ""}, "no model ''"),
    ],
)
def test_models_that_are_no_clip_stop_the_start(
    clip_settings: dict[str, str], changes: dict[str, str], words: str
) -> None:
    assert words in read_error(clip_settings | changes)


def test_labels_without_a_model_stop_the_start(clip_settings: dict[str, str]) -> None:
    without = {name: value for name, value in clip_settings.items() if name != "clip"}

    assert "KERNELSIGHT_CLIP_LABELS: tags from labels need a model" in read_error(without)


def test_invalid_labels_stop_the_start(clip_settings: dict[str, str], tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("dog\n")

    assert "one label alone" in read_error(clip_settings | {"clip_labels": str(labels)})


def read_error(settings: dict[str, str]) -> str:
    return run("features", "-", **settings).stderr
