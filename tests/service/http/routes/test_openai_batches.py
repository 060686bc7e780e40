"""Files and batches on a running service, through OpenAI's own client."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any, Literal

import openai
import pytest
from openai.types import Batch

from service.batches.jsonl import CHUNK_LINES
from tests.conftest import Jpeg
from tests.service.http.routes.test_jobs import wait_for_queue
from tests.serving import Service, serving

MODERATIONS: Literal["/v1/moderations"] = "/v1/moderations"


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[openai.OpenAI]:
    wait_for_queue(service.http)
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def line(id: str, input: Any = "hello", url: str = MODERATIONS) -> dict[str, Any]:
    return {"custom_id": id, "method": "POST", "url": url, "body": {"input": input}}


def image_url(image: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(image).decode()


def uploaded(client: openai.OpenAI, lines: list[dict[str, Any]]) -> str:
    data = "\n".join(map(json.dumps, lines)).encode()
    return client.files.create(file=("requests.jsonl", data), purpose="batch").id


def done(client: openai.OpenAI, batch: Batch) -> Batch:
    for _ in range(600):
        if batch.status in ("completed", "failed", "cancelled", "expired"):
            return batch
        time.sleep(0.05)
        batch = client.batches.retrieve(batch.id)
    raise AssertionError("the batch has no end")


def answers(client: openai.OpenAI, file: str | None) -> list[dict[str, Any]]:
    return [json.loads(one) for one in client.files.content(file).text.splitlines()] if file else []


def test_every_request_of_a_batch_is_answered_once_and_in_order(client: openai.OpenAI, jpeg: Jpeg) -> None:
    photo = [{"type": "image_url", "image_url": {"url": image_url(jpeg("cat"))}}]
    lines = [line(f"r{number}", photo if number == 3 else f"text {number}") for number in range(CHUNK_LINES * 2 + 5)]
    file = uploaded(client, lines)

    batch = done(client, client.batches.create(
        input_file_id=file, endpoint=MODERATIONS, completion_window="24h", metadata={"run": "7"}
    ))  # fmt: skip

    written = answers(client, batch.output_file_id)
    counts = batch.request_counts.model_dump() if batch.request_counts else {}
    assert (batch.status, batch.metadata, batch.error_file_id) == ("completed", {"run": "7"}, None)
    assert counts == {"total": len(lines), "completed": len(lines), "failed": 0}
    assert [one["custom_id"] for one in written] == [one["custom_id"] for one in lines]
    assert {one["response"]["status_code"] for one in written} == {200}
    nsfw = written[3]["response"]["body"]["results"][0]["category_scores"]["sexual"]
    direct = client.moderations.create(input=photo).results[0].category_scores.sexual  # type: ignore[arg-type]
    assert nsfw == direct


def test_requests_that_fail_are_in_a_file_of_their_own(client: openai.OpenAI, jpeg: Jpeg) -> None:
    lines = [
        line("good", image_url(jpeg("cat")), "/v1/embeddings"),
        line("no image", "hello", "/v1/embeddings"),
        line("broken", "data:image/png;base64,aGk=", "/v1/embeddings"),
    ]

    file = uploaded(client, lines)
    batch = done(client, client.batches.create(input_file_id=file, endpoint="/v1/embeddings", completion_window="24h"))

    failed = answers(client, batch.error_file_id)
    assert [one["custom_id"] for one in answers(client, batch.output_file_id)] == ["good"]
    assert [(one["custom_id"], one["response"]["status_code"]) for one in failed] == [
        ("no image", 400),
        ("broken", 415),
    ]
    assert failed[0]["response"]["body"]["error"]["type"] == "invalid_request_error"


def test_our_own_routes_can_be_asked_in_batches_too(client: openai.OpenAI, jpeg: Jpeg) -> None:
    body = {"image": {"data": image_url(jpeg("astronaut"))}, "min_score": 0.5}
    asked = [{"custom_id": "a", "method": "POST", "url": "/v1/faces", "body": body}]

    file, endpoint = uploaded(client, asked), "/v1/faces"
    batch = done(
        client,
        client.batches.create(input_file_id=file, endpoint=endpoint, completion_window="24h"),  # type: ignore[arg-type]
    )

    [answer] = answers(client, batch.output_file_id)
    assert answer["response"]["body"]["count"] == 1


def test_a_wrong_file_fails_as_a_whole_and_says_where(client: openai.OpenAI) -> None:
    file = uploaded(client, [line("a"), line("a"), line("b", url="/v1/faces")])

    batch = done(client, client.batches.create(input_file_id=file, endpoint=MODERATIONS, completion_window="24h"))

    wrong = batch.errors.data if batch.errors and batch.errors.data else []
    assert (batch.status, batch.output_file_id) == ("failed", None)
    assert [(one.code, one.line) for one in wrong] == [("duplicate_custom_id", 2), ("mismatched_endpoint", 3)]


def test_what_cannot_be_a_batch_is_refused_in_openais_form(client: openai.OpenAI) -> None:
    file = uploaded(client, [line("a")])

    with pytest.raises(openai.BadRequestError, match="endpoint"):
        client.batches.create(input_file_id=file, endpoint="/v1/completions", completion_window="24h")
    with pytest.raises(openai.NotFoundError, match="no file"):
        client.batches.create(input_file_id="file-none", endpoint=MODERATIONS, completion_window="24h")
    with pytest.raises(openai.NotFoundError, match="no batch"):
        client.batches.retrieve("batch_none")
    with pytest.raises(openai.BadRequestError, match="purpose"):
        client.files.create(file=b"{}", purpose="fine-tune")


def test_files_are_listed_fetched_and_removed(client: openai.OpenAI) -> None:
    first, second = uploaded(client, [line("a")]), uploaded(client, [line("b")])

    listed = [one.id for one in client.files.list(purpose="batch", limit=2)]
    content = json.loads(client.files.content(first).text)
    removed = client.files.delete(first)

    assert {first, second} <= set(listed)
    assert (content, removed.deleted) == (line("a"), True)
    with pytest.raises(openai.NotFoundError):
        client.files.content(first)


def test_batches_are_listed_a_page_at_a_time(client: openai.OpenAI) -> None:
    file = uploaded(client, [line("a")])
    made = [client.batches.create(input_file_id=file, endpoint=MODERATIONS, completion_window="24h") for _ in range(3)]

    listed = [one.id for one in client.batches.list(limit=1)]

    assert {one.id for one in made} <= set(listed)
    assert len(set(listed)) == len(listed)


def test_a_batch_can_be_cancelled_and_a_new_worker_ends_it() -> None:
    lines = [line(str(number)) for number in range(CHUNK_LINES + 1)]
    with serving(worker_here="false", pipelines="moderation") as waiting:
        wait_for_queue(waiting.http)
        with openai.OpenAI(base_url=f"{waiting.url}/v1", api_key="none") as client:
            file = uploaded(client, lines)
            batch = client.batches.create(input_file_id=file, endpoint=MODERATIONS, completion_window="24h")
            cancelling = client.batches.cancel(batch.id)
            queue, files = waiting.settings["queue_data"], waiting.settings["files"]
            with serving(queue_data=queue, files=files, pipelines="moderation"):
                batch = done(client, batch)

    assert (cancelling.status, batch.status, batch.output_file_id) == ("cancelling", "cancelled", None)
    assert batch.request_counts is not None
    assert batch.request_counts.completed == 0
