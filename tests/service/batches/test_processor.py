"""Steps of a batch on a real Valkey: they are idempotent, and late requests are written as expired."""

import asyncio
import io
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from service.batches.batch_store import BatchStore
from service.batches.batches import Batches
from service.batches.file_store import FileStore
from service.batches.jsonl import CHUNK_LINES
from service.batches.processor import BatchProcessor
from service.batches.types import BatchObject
from service.keys.caller import UNRESTRICTED
from service.settings import Settings, SettingsInvalid
from service.telemetry.metrics import Metrics
from service.telemetry.request_context import RequestContext, bind_request
from tests.service.json_log import capture_log
from tests.service.queue.conftest import OpenQueue
from tests.service.queue.conftest import open_queue as open_queue

ENDPOINT = "/v1/moderations"
Scenario = Callable[[Batches, BatchProcessor, str], Awaitable[None]]
# No request of these batches reaches a model.
COMPONENTS: Any = SimpleNamespace(settings=Settings(), metrics=Metrics())


def run_batch(
    open_queue: OpenQueue, folder: Path, scenario: Scenario, *, count: int = CHUNK_LINES + 1, late: bool = True
) -> tuple[BatchObject, list[str], int]:
    """The batch after the scenario, its error lines, and the number of jobs enqueued. `late`: it has expired."""
    files = FileStore(str(folder), 3600)
    lines = [{"custom_id": str(number), "url": ENDPOINT, "body": {"input": 1}} for number in range(count)]
    file = files.add(io.BytesIO("\n".join(map(json.dumps, lines)).encode()), "in.jsonl")

    async def run() -> tuple[BatchObject, list[str], int]:
        async with open_queue() as queue:
            batches = Batches(files, BatchStore(queue.scripts, 60), queue)
            now = int(time.time())
            batch = BatchObject(
                id="batch_1", endpoint=ENDPOINT, input_file_id=file.id, completion_window="24h", status="validating",
                created_at=now - 10, expires_at=now + (-5 if late else 3600),
            )  # fmt: skip
            await batches.store.add(batch)
            await scenario(batches, BatchProcessor(COMPONENTS, batches), batch.id)
            ended = await batches.store.get(batch.id)
            written: list[str] = []
            if ended.error_file_id is not None:
                with files.open_reader(ended.error_file_id) as source:
                    written = source.read().decode().splitlines()
            return ended, written, (await queue.depths())["batch"].waiting

    return asyncio.run(run())


def test_late_requests_are_written_as_expired_and_end_the_batch(open_queue: OpenQueue, tmp_path: Path) -> None:
    async def scenario(batches: Batches, processor: BatchProcessor, id: str) -> None:
        await processor.start(id)
        for number in (1, 0):
            await processor.process_chunk(id, number)

    batch, written, _ = run_batch(open_queue, tmp_path, scenario)

    lines = [json.loads(line) for line in written]
    assert batch.status == "expired"
    assert batch.output_file_id is None
    assert batch.request_counts.failed == CHUNK_LINES + 1
    assert [line["custom_id"] for line in lines] == [str(number) for number in range(CHUNK_LINES + 1)]
    assert {line["error"]["code"] for line in lines} == {"batch_expired"}


def test_each_line_is_logged_as_a_request_of_its_own(open_queue: OpenQueue, tmp_path: Path) -> None:
    async def scenario(batches: Batches, processor: BatchProcessor, id: str) -> None:
        await processor.start(id)
        with bind_request(RequestContext("req_of_the_batch", job_id="the chunk's")):
            await processor.process_chunk(id, 0)

    with capture_log() as lines:
        _, written, _ = run_batch(open_queue, tmp_path, scenario, count=2, late=False)

    responses = [json.loads(line)["response"] for line in written]
    assert [response["status_code"] for response in responses] == [400, 400]
    assert [line["request_id"] for line in lines] == [response["request_id"] for response in responses]
    assert [line["job_id"] for line in lines] == ["the chunk's", "the chunk's"]
    assert [line["status"] for line in lines] == [400, 400]


def test_repeating_a_step_changes_nothing(open_queue: OpenQueue, tmp_path: Path) -> None:
    async def scenario(batches: Batches, processor: BatchProcessor, id: str) -> None:
        await processor.start(id)
        await processor.start(id)
        for number in (0, 0, 1, 1):
            await processor.process_chunk(id, number)

    batch, written, waiting = run_batch(open_queue, tmp_path, scenario)

    assert batch.status == "expired"
    assert batch.request_counts.failed == CHUNK_LINES + 1
    assert len(written) == CHUNK_LINES + 1
    assert waiting == 2  # a chunk is a job once


def test_reading_an_expired_batch_enqueues_its_missing_chunks(open_queue: OpenQueue, tmp_path: Path) -> None:
    async def scenario(batches: Batches, processor: BatchProcessor, id: str) -> None:
        await processor.start(id)
        await processor.process_chunk(id, 0)
        await batches.get(id, UNRESTRICTED)
        await batches.get(id, UNRESTRICTED)

    batch, _, waiting = run_batch(open_queue, tmp_path, scenario)

    assert batch.status == "in_progress"
    assert waiting == 3  # the two chunks, and once more the one that is missing


def test_cancelling_skips_all_chunks_that_no_worker_has_begun(open_queue: OpenQueue, tmp_path: Path) -> None:
    async def scenario(batches: Batches, processor: BatchProcessor, id: str) -> None:
        await processor.start(id)
        await processor.process_chunk(id, 1)
        await batches.cancel(id, UNRESTRICTED)
        await processor.cancel(id)

    batch, written, _ = run_batch(open_queue, tmp_path, scenario, count=20 * CHUNK_LINES, late=False)

    assert batch.status == "cancelled"
    assert batch.request_counts.failed == CHUNK_LINES
    assert [json.loads(line)["custom_id"] for line in written] == [str(CHUNK_LINES + n) for n in range(CHUNK_LINES)]


def test_a_batch_with_a_chunk_that_runs_is_cancelled_after_it(open_queue: OpenQueue, tmp_path: Path) -> None:
    states = list[str]()

    async def scenario(batches: Batches, processor: BatchProcessor, id: str) -> None:
        await processor.start(id)
        await batches.store.start_chunk(id, 0)  # as a worker does first
        await batches.cancel(id, UNRESTRICTED)
        await processor.cancel(id)
        states.append((await batches.store.get(id)).status)
        await processor.process_chunk(id, 0)

    batch, written, _ = run_batch(open_queue, tmp_path, scenario, count=3 * CHUNK_LINES, late=False)

    assert states == ["cancelling"]
    assert batch.status == "cancelled"
    assert written == []


def test_cancelling_has_a_job_of_its_own_in_front_of_the_chunks(open_queue: OpenQueue, tmp_path: Path) -> None:
    urgent = list[int]()

    async def scenario(batches: Batches, processor: BatchProcessor, id: str) -> None:
        await processor.start(id)
        await batches.cancel(id, UNRESTRICTED)
        urgent.append((await batches.queue.depths())["interactive"].waiting)

    run_batch(open_queue, tmp_path, scenario, late=False)

    assert urgent == [1]


def test_a_chunk_that_is_counted_keeps_its_counts_when_cancelled(open_queue: OpenQueue, tmp_path: Path) -> None:
    async def scenario(batches: Batches, processor: BatchProcessor, id: str) -> None:
        await processor.start(id)
        await processor.process_chunk(id, 0)
        await batches.cancel(id, UNRESTRICTED)
        await processor.process_chunk(id, 0)  # its job was delivered twice

    batch, written, _ = run_batch(open_queue, tmp_path, scenario, late=False)

    assert batch.request_counts.failed == CHUNK_LINES
    assert len(written) == CHUNK_LINES


def test_parts_are_removed_once_they_are_joined(open_queue: OpenQueue, tmp_path: Path) -> None:
    async def scenario(batches: Batches, processor: BatchProcessor, id: str) -> None:
        await processor.start(id)
        await processor.process_chunk(id, 0)

    batch, _, _ = run_batch(open_queue, tmp_path, scenario, count=1)

    assert {path.stem for path in tmp_path.iterdir()} == {batch.input_file_id, batch.error_file_id}


@pytest.mark.parametrize("root", ["nowhere://files", "s4://bucket"])
def test_an_unknown_file_system_prevents_the_start(root: str) -> None:
    with pytest.raises(SettingsInvalid, match="KERNELSIGHT_FILES"):
        FileStore(root, 3600).check()
