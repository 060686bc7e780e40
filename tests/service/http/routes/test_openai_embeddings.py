"""`/v1/embeddings` on a running service, through OpenAI's own client."""

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
import openai
import pytest

from tests.conftest import Jpeg
from tests.serving import Service


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def data_url(image: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(image).decode()


def test_an_image_has_the_embedding_of_its_features(client: openai.OpenAI, service: Service, jpeg: Jpeg) -> None:
    features = service.http.post("/v1/features", files={"file": jpeg("coffee")}).json()

    reply = client.embeddings.create(model="any", input=data_url(jpeg("coffee")))

    [one] = reply.data
    np.testing.assert_allclose(one.embedding, features["embedding"], rtol=1e-5, atol=1e-6)
    assert reply.model == features["models"][0]["id"]
    assert one.index == 0
    assert reply.usage.total_tokens == 0


def test_several_images_in_each_notation_are_answered_in_order(
    client: openai.OpenAI, service: Service, jpeg: Jpeg
) -> None:
    coffee, cat = data_url(jpeg("coffee")), data_url(jpeg("cat"))
    body = {"input": [coffee, {"image": cat}, {"type": "image_url", "image_url": {"url": coffee}}]}

    data = service.http.post("/v1/embeddings", json=body).json()["data"]

    first, second, third = (np.array(one["embedding"]) for one in data)
    assert [one["index"] for one in data] == [0, 1, 2]
    assert float(first @ third) > 0.9999
    assert float(first @ second) < 0.9


def test_floats_and_base64_are_the_same_numbers(client: openai.OpenAI, jpeg: Jpeg) -> None:
    url = data_url(jpeg("coffee"))

    plain = client.embeddings.create(model="any", input=url, encoding_format="float").data[0].embedding
    coded: Any = client.embeddings.create(model="any", input=url, encoding_format="base64").data[0].embedding

    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(coded), "<f4"), np.array(plain, "f4"))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"input": "hello"}, "only images are embedded here"),
        ({"input": []}, "at least 1"),
        ({}, "Field required"),
        ({"input": "data:image/png;base64,????"}, "not base64"),
        ({"input": "data:image/png;base64,aGk="}, "images can be JPEG"),
    ],
)
def test_inputs_without_images_are_refused_in_openais_form(service: Service, body: dict[str, Any], words: str) -> None:
    reply = service.http.post("/v1/embeddings", json=body)

    error = reply.json()["error"]
    assert reply.status_code in (400, 415)
    assert words in error["message"]
    assert error["type"] == "invalid_request_error"


def test_modality_says_what_the_inputs_are(client: openai.OpenAI, jpeg: Jpeg) -> None:
    reply = client.embeddings.create(
        model="any", input=[data_url(jpeg("coffee"))], encoding_format="float", extra_body={"modality": "image"}
    )

    assert len(reply.data) == 1


@pytest.mark.parametrize(
    ("modality", "given", "message"),
    [
        ("image", "a cat", "input.0: this is no image"),
        ("text", {"image": "data:,"}, "input.0: this is no text"),
        ("text", "https://a.example/b.jpg", "texts need CLIP"),
        ("audio", "data:,", "body.modality: Input should be 'image' or 'text'"),
    ],
)
def test_inputs_of_another_modality_are_refused_by_name(
    client: openai.OpenAI, modality: str, given: str | dict[str, str], message: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=message):
        client.embeddings.create(model="any", input=[given], extra_body={"modality": modality})  # type: ignore[arg-type]


def test_other_dimensions_are_refused(client: openai.OpenAI, jpeg: Jpeg) -> None:
    with pytest.raises(openai.BadRequestError, match="1280, and are not cut"):
        client.embeddings.create(model="any", input=data_url(jpeg("coffee")), dimensions=64)
