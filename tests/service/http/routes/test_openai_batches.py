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


def upload(client: openai.OpenAI, lines: list[dict[str, Any]]) -> str:
    data = "\n".join(map(json.dumps, lines)).encode()
    return client.files.create(file=("requests.jsonl", data), purpose="batch").id


def wait_until_final(client: openai.OpenAI, batch: Batch) -> Batch:
    for _ in range(600):
        if batch.status in ("completed", "failed", "cancelled", "expired"):
            return batch
        time.sleep(0.05)
        batch = client.batches.retrieve(batch.id)
    raise AssertionError("the batch does not end")


def read_answers(client: openai.OpenAI, file: str | None) -> list[dict[str, Any]]:
    return [json.loads(one) for one in client.files.content(file).text.splitlines()] if file else []


def test_requests_of_a_batch_are_answered_once_in_order(client: openai.OpenAI, jpeg: Jpeg) -> None:
    photo = [{"type": "image_url", "image_url": {"url": image_url(jpeg("cat"))}}]
    lines = [line(f"r{number}", photo if number == 3 else f"text {number}") for number in range(CHUNK_LINES * 2 + 5)]
    file = upload(client, lines)

    batch = wait_until_final(client, client.batches.create(
        input_file_id=file, endpoint=MODERATIONS, completion_window="24h", metadata={"run": "7"}
    ))  # fmt: skip

    written = read_answers(client, batch.output_file_id)
    counts = batch.request_counts.model_dump() if batch.request_counts else {}
    assert batch.status == "completed"
    assert batch.metadata == {"run": "7"}
    assert batch.error_file_id is None
    assert counts == {"total": len(lines), "completed": len(lines), "failed": 0}
    assert [one["custom_id"] for one in written] == [one["custom_id"] for one in lines]
    assert {one["response"]["status_code"] for one in written} == {200}
    nsfw = written[3]["response"]["body"]["results"][0]["category_scores"]["sexual"]
    direct = client.moderations.create(input=photo).results[0].category_scores.sexual  # type: ignore[arg-type]
    assert nsfw == direct


def test_failed_requests_are_in_the_error_file(client: openai.OpenAI, jpeg: Jpeg) -> None:
    lines = [
        line("good", image_url(jpeg("cat")), "/v1/embeddings"),
        line("no image", "hello", "/v1/embeddings"),
        line("broken", "data:image/png;base64,aGk=", "/v1/embeddings"),
    ]

    file = upload(client, lines)
    batch = wait_until_final(
        client, client.batches.create(input_file_id=file, endpoint="/v1/embeddings", completion_window="24h")
    )

    failed = read_answers(client, batch.error_file_id)
    assert [one["custom_id"] for one in read_answers(client, batch.output_file_id)] == ["good"]
    assert [(one["custom_id"], one["response"]["status_code"]) for one in failed] == [
        ("no image", 400),
        ("broken", 415),
    ]
    assert failed[0]["response"]["body"]["error"]["type"] == "invalid_request_error"


def test_our_own_routes_can_be_an_endpoint(client: openai.OpenAI, jpeg: Jpeg) -> None:
    body = {"image": {"data": image_url(jpeg("astronaut"))}, "min_score": 0.5}
    asked = [{"custom_id": "a", "method": "POST", "url": "/v1/faces", "body": body}]

    file, endpoint = upload(client, asked), "/v1/faces"
    batch = wait_until_final(
        client,
        client.batches.create(input_file_id=file, endpoint=endpoint, completion_window="24h"),  # type: ignore[arg-type]
    )

    [answer] = read_answers(client, batch.output_file_id)
    assert answer["response"]["body"]["count"] == 1


def test_an_invalid_file_fails_the_batch_and_names_lines(client: openai.OpenAI) -> None:
    file = upload(client, [line("a"), line("a"), line("b", url="/v1/faces")])

    batch = wait_until_final(
        client, client.batches.create(input_file_id=file, endpoint=MODERATIONS, completion_window="24h")
    )

    wrong = batch.errors.data if batch.errors and batch.errors.data else []
    assert batch.status == "failed"
    assert batch.output_file_id is None
    assert [(one.code, one.line) for one in wrong] == [("duplicate_custom_id", 2), ("mismatched_endpoint", 3)]


def test_invalid_batches_are_refused_in_openais_form(client: openai.OpenAI) -> None:
    file = upload(client, [line("a")])

    with pytest.raises(openai.BadRequestError, match="endpoint"):
        client.batches.create(input_file_id=file, endpoint="/v1/completions", completion_window="24h")
    with pytest.raises(openai.NotFoundError, match="no file"):
        client.batches.create(input_file_id="file-none", endpoint=MODERATIONS, completion_window="24h")
    with pytest.raises(openai.NotFoundError, match="no batch"):
        client.batches.retrieve("batch_none")
    with pytest.raises(openai.BadRequestError, match="purpose"):
        client.files.create(file=b"{}", purpose="fine-tune")


def test_files_are_listed_fetched_and_removed(client: openai.OpenAI) -> None:
    first, second = upload(client, [line("a")]), upload(client, [line("b")])

    listed = [one.id for one in client.files.list(purpose="batch", limit=2)]
    content = json.loads(client.files.content(first).text)
    removed = client.files.delete(first)

    assert {first, second} <= set(listed)
    assert content == line("a")
    assert removed.deleted
    with pytest.raises(openai.NotFoundError):
        client.files.content(first)


def test_files_expire_when_the_client_asks(client: openai.OpenAI) -> None:
    expiry: Any = {"anchor": "created_at", "seconds": 3_600}
    data = json.dumps(line("a")).encode()

    file = client.files.create(file=("requests.jsonl", data), purpose="batch", expires_after=expiry)
    batch = wait_until_final(client, client.batches.create(
        input_file_id=file.id, endpoint=MODERATIONS, completion_window="24h", output_expires_after=expiry
    ))  # fmt: skip
    assert batch.output_file_id
    output = client.files.retrieve(batch.output_file_id)

    assert file.expires_at == file.created_at + 3_600
    assert output.expires_at == output.created_at + 3_600


def test_an_expiry_out_of_range_is_refused(client: openai.OpenAI) -> None:
    expiry: Any = {"anchor": "created_at", "seconds": 60}

    with pytest.raises(openai.BadRequestError, match="expires_after"):
        client.files.create(file=("requests.jsonl", b"{}"), purpose="batch", expires_after=expiry)


def test_batches_are_listed_in_pages(client: openai.OpenAI) -> None:
    file = upload(client, [line("a")])
    made = [client.batches.create(input_file_id=file, endpoint=MODERATIONS, completion_window="24h") for _ in range(3)]

    listed = [one.id for one in client.batches.list(limit=1)]

    assert {one.id for one in made} <= set(listed)
    assert len(set(listed)) == len(listed)


def test_a_cancelled_batch_is_ended_by_the_next_worker() -> None:
    lines = [line(str(number)) for number in range(CHUNK_LINES + 1)]
    with serving(worker_here="false", pipelines="moderation") as waiting:
        wait_for_queue(waiting.http)
        with openai.OpenAI(base_url=f"{waiting.url}/v1", api_key="none") as client:
            file = upload(client, lines)
            batch = client.batches.create(input_file_id=file, endpoint=MODERATIONS, completion_window="24h")
            cancelling = client.batches.cancel(batch.id)
            queue, files = waiting.settings["queue_data"], waiting.settings["files"]
            with serving(queue_data=queue, files=files, pipelines="moderation"):
                batch = wait_until_final(client, batch)

    assert cancelling.status == "cancelling"
    assert batch.status == "cancelled"
    assert batch.output_file_id is None
    assert batch.request_counts is not None
    assert batch.request_counts.completed == 0
