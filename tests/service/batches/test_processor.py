"""Steps of a batch on a real Valkey: done twice they come to the same, and what came too late says so."""

import asyncio
import io
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from service.batches.batch_store import Ledger
from service.batches.batches import Batches
from service.batches.file_store import FileStore
from service.batches.jsonl import CHUNK_LINES
from service.batches.processor import BatchWork
from service.batches.types import Batch
from service.settings import Settings, SettingsInvalid
from service.telemetry.metrics import Metrics
from service.telemetry.request_context import RequestContext, on_behalf_of
from tests.service.json_log import logged
from tests.service.queue.conftest import Opened
from tests.service.queue.conftest import opened as opened

ENDPOINT = "/v1/moderations"
Play = Callable[[Batches, BatchWork, str], Awaitable[None]]
# No request of these batches gets as far as to be answered.
HOUSE: Any = SimpleNamespace(settings=Settings(), metrics=Metrics())


def played(
    opened: Opened, folder: Path, play: Play, *, count: int = CHUNK_LINES + 1, late: bool = True
) -> tuple[Batch, list[str], int]:
    """The batch after `play`, its error lines, and the jobs that were enqueued. `late`: it expired before it began."""
    files = FileStore(str(folder), 3600)
    lines = [{"custom_id": str(number), "url": ENDPOINT, "body": {"input": 1}} for number in range(count)]
    file = files.add(io.BytesIO("\n".join(map(json.dumps, lines)).encode()), "in.jsonl")

    async def scene() -> tuple[Batch, list[str], int]:
        async with opened() as queue:
            batches = Batches(files, Ledger(queue.server, 60), queue)
            now = int(time.time())
            batch = Batch(
                id="batch_1", endpoint=ENDPOINT, input_file_id=file.id, completion_window="24h", status="validating",
                created_at=now - 10, expires_at=now + (-5 if late else 3600),
            )  # fmt: skip
            await batches.ledger.add(batch)
            await play(batches, BatchWork(HOUSE, batches), batch.id)
            ended = await batches.ledger.get(batch.id)
            written: list[str] = []
            if ended.error_file_id is not None:
                with files.opened(ended.error_file_id) as source:
                    written = source.read().decode().splitlines()
            return ended, written, (await queue.depths())["batch"].waiting

    return asyncio.run(scene())


def test_requests_that_came_too_late_are_written_as_such_and_end_the_batch(opened: Opened, tmp_path: Path) -> None:
    async def play(batches: Batches, work: BatchWork, id: str) -> None:
        await work.start(id)
        for number in (1, 0):
            await work.chunk(id, number)

    batch, written, _ = played(opened, tmp_path, play)

    lines = [json.loads(line) for line in written]
    assert (batch.status, batch.output_file_id, batch.request_counts.failed) == ("expired", None, CHUNK_LINES + 1)
    assert [line["custom_id"] for line in lines] == [str(number) for number in range(CHUNK_LINES + 1)]
    assert {line["error"]["code"] for line in lines} == {"batch_expired"}


def test_each_line_is_a_request_of_its_own_in_the_log_and_in_what_is_written(opened: Opened, tmp_path: Path) -> None:
    async def play(batches: Batches, work: BatchWork, id: str) -> None:
        await work.start(id)
        with on_behalf_of(RequestContext("req_of_the_batch", job_id="the chunk's")):
            await work.chunk(id, 0)

    with logged() as lines:
        _, written, _ = played(opened, tmp_path, play, count=2, late=False)

    responses = [json.loads(line)["response"] for line in written]
    assert [response["status_code"] for response in responses] == [400, 400]
    assert [(line["request_id"], line["job_id"], line["status"]) for line in lines] == [
        (response["request_id"], "the chunk's", 400) for response in responses
    ]


def test_a_step_that_is_done_twice_changes_nothing(opened: Opened, tmp_path: Path) -> None:
    async def play(batches: Batches, work: BatchWork, id: str) -> None:
        await work.start(id)
        await work.start(id)
        for number in (0, 0, 1, 1):
            await work.chunk(id, number)

    batch, written, waiting = played(opened, tmp_path, play)

    assert (batch.status, batch.request_counts.failed, len(written)) == ("expired", CHUNK_LINES + 1, CHUNK_LINES + 1)
    assert waiting == 2  # a chunk is a job once


def test_who_looks_at_a_batch_after_its_time_sees_to_its_end(opened: Opened, tmp_path: Path) -> None:
    async def play(batches: Batches, work: BatchWork, id: str) -> None:
        await work.start(id)
        await work.chunk(id, 0)
        await batches.get(id)
        await batches.get(id)

    batch, _, waiting = played(opened, tmp_path, play)

    assert (batch.status, waiting) == ("in_progress", 3)  # the two chunks, and once more the one that is missing


def test_parts_are_gone_when_the_whole_is_there(opened: Opened, tmp_path: Path) -> None:
    async def play(batches: Batches, work: BatchWork, id: str) -> None:
        await work.start(id)
        await work.chunk(id, 0)

    batch, _, _ = played(opened, tmp_path, play, count=1)

    assert {path.stem for path in tmp_path.iterdir()} == {batch.input_file_id, batch.error_file_id}


@pytest.mark.parametrize("place", ["nowhere://files", "s4://bucket"])
def test_a_place_that_nothing_reaches_is_said_at_start(place: str) -> None:
    with pytest.raises(SettingsInvalid, match="KERNELSIGHT_FILES"):
        FileStore(place, 3600).check()
