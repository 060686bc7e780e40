"""The service is killed in the middle of a batch: the next one finishes it, with every request answered once."""

import json
import time

import openai
import pytest

from service.batches.jsonl import CHUNK_LINES
from tests.service.http.routes.test_jobs import wait_for_queue
from tests.serving import Service, serving

REQUESTS = 12 * CHUNK_LINES


def test_a_batch_outlives_the_service(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("service")
    queue, files = f"{folder}/queue", f"{folder}/files"
    with serving(
        queue_data=queue, files=files, lease_seconds="2", worker_concurrency="1", pipelines="moderation"
    ) as first:
        batch = start_batch(first)
        first.process.kill()
    with (
        serving(queue_data=queue, files=files, lease_seconds="2", pipelines="moderation") as second,
        open_client(second) as client,
    ):
        wait_for_queue(second.http)
        while (now := client.batches.retrieve(batch)).status not in ("completed", "failed"):
            time.sleep(0.1)
        assert now.output_file_id is not None
        answers = [json.loads(line) for line in client.files.content(now.output_file_id).text.splitlines()]

    assert [one["custom_id"] for one in answers] == [str(number) for number in range(REQUESTS)]
    assert now.status == "completed"
    assert (now.request_counts and now.request_counts.completed) == REQUESTS


def start_batch(service: Service) -> str:
    """A batch of which some requests are answered, but not all."""
    wait_for_queue(service.http)
    texts = ({"input": [f"{number} " + "word " * 2000]} for number in range(REQUESTS))
    lines = (
        json.dumps({"custom_id": str(number), "method": "POST", "url": "/v1/moderations", "body": body})
        for number, body in enumerate(texts)
    )
    with open_client(service) as client:
        file = client.files.create(file=("in.jsonl", "\n".join(lines).encode()), purpose="batch")
        batch = client.batches.create(input_file_id=file.id, endpoint="/v1/moderations", completion_window="24h")
        done = 0
        while done == 0:
            time.sleep(0.005)
            counts = client.batches.retrieve(batch.id).request_counts
            done = counts.completed if counts else 0
    assert done < REQUESTS, "the batch was over before the service could be killed"
    return batch.id


def open_client(service: Service) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{service.url}/v1", api_key="none", max_retries=0)
