"""Every reply has its result id, its models and the seconds of each stage."""

import base64
import re
from typing import Any

import httpx2
import pytest

from pipelines.findings import result_time
from tests.conftest import Jpeg
from tests.serving import Service

FILES = (
    "avatars", "avatars?format=webp", "sanitize", "explain?format=png", "documents?format=markdown",
    "documents?format=text", "documents?format=hocr", "documents?format=pdf",
)  # fmt: skip
BODIES = ("features", "faces", "explain", "documents", "analyze", "analyze?pipelines=features,document")


def post(service: Service, path: str, image: bytes) -> httpx2.Response:
    reply = service.http.post(f"/v1/{path}", files={"file": image})
    reply.raise_for_status()
    return reply


def has_origin(about: dict[str, Any]) -> bool:
    models = all(re.fullmatch("[0-9a-f]{64}", one["sha256"]) and one["version"] for one in about["models"])
    return bool(result_time(about["result_id"]) and models and about["timings"]["total"] > 0)


@pytest.mark.parametrize("path", FILES)
def test_a_file_reply_has_its_origin_in_headers(service: Service, jpeg: Jpeg, path: str) -> None:
    headers = post(service, path, jpeg("astronaut")).headers

    models = r"([\w-]+/\d+;sha256=[0-9a-f]{64}(, )?)+" if "sanitize" not in path else ""
    assert result_time(headers["x-kernelsight-result-id"])
    assert re.fullmatch(models, headers["x-kernelsight-models"])
    assert re.search(r"(^|, )total=[\d.]+$", headers["x-kernelsight-timings"])


@pytest.mark.parametrize("path", BODIES)
def test_a_json_reply_has_its_origin_in_the_body(service: Service, jpeg: Jpeg, path: str) -> None:
    body = post(service, path, jpeg("astronaut")).json()

    assert has_origin(body)
    assert bool(body["models"])


def test_each_part_of_a_moderation_has_its_origin(service: Service, jpeg: Jpeg) -> None:
    url = "data:image/jpeg;base64," + base64.b64encode(jpeg("cat")).decode()
    parts = [{"type": "text", "text": "hello"}, {"type": "image_url", "image_url": {"url": url}}]

    [alone] = service.http.post("/v1/moderations", json={"input": "hello"}).json()["results"]
    [joint] = service.http.post("/v1/moderations", json={"input": parts}).json()["results"]

    text, image = joint["kernelsight"]["parts"]
    assert [has_origin(one) for one in (alone["kernelsight"], text, image)] == [True] * 3
    assert text["models"] == []
    assert bool(image["models"])
    assert text["policy_version"] == "3"
    assert "result_id" not in joint["kernelsight"]  # it would be that of one part


def test_each_embedding_has_its_origin(service: Service, jpeg: Jpeg) -> None:
    urls = ["data:image/jpeg;base64," + base64.b64encode(jpeg(name)).decode() for name in ("cat", "coffee")]

    origins = service.http.post("/v1/embeddings", json={"input": urls}).json()["kernelsight"]

    assert [has_origin(one) for one in origins] == [True, True]
    assert len({one["result_id"] for one in origins}) == 2
