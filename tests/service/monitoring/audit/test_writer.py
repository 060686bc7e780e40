"""Records are written in the background, wait for a log that cannot be written, and are counted when dropped."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from service.monitoring.audit.file_log import FileEventLog
from service.monitoring.audit.log import START
from service.monitoring.audit.record import AuditRecord
from service.monitoring.audit.writer import RecordWriter, WriteOutcome
from service.monitoring.errors import AuditUnavailable
from tests.service.conftest import LONG_SECONDS
from tests.service.monitoring.audit.records import make_draft


def counting_writer(event_log: FileEventLog, max_waiting: int = 100) -> tuple[RecordWriter, Counter[str]]:
    counts: Counter[str] = Counter()

    def count(outcome: WriteOutcome, number: int) -> None:
        counts[outcome] += number

    return RecordWriter(event_log, count, max_waiting=max_waiting), counts


def test_records_wait_for_an_unwritable_log_and_overflow_is_counted(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    event_log = FileEventLog(folder, "audit", LONG_SECONDS)
    writer, counts = counting_writer(event_log, max_waiting=3)
    drafts = [make_draft() for _ in range(5)]

    async def scenario() -> list[bytes]:
        for draft in drafts:
            writer.put(draft)
        with pytest.raises(AuditUnavailable):
            await writer.flush()
        folder.mkdir()
        await writer.flush()
        return (await event_log.read(START, 10)).lines

    written = [AuditRecord.model_validate_json(line).result_id for line in asyncio.run(scenario())]
    assert written == [draft.result_id for draft in drafts[:3]]
    assert counts == {"written": 3, "dropped": 2}


def test_waiting_records_are_written_at_shutdown(tmp_path: Path) -> None:
    event_log = FileEventLog(tmp_path, "audit", LONG_SECONDS)
    writer, counts = counting_writer(event_log)

    async def scenario() -> int:
        async with writer.run(drain_seconds=60):
            for _ in range(50):
                writer.put(make_draft())
        return len((await event_log.read(START, 100)).lines)

    assert asyncio.run(scenario()) == 50
    assert counts == {"written": 50, "dropped": 0}


def test_records_that_cannot_be_written_at_shutdown_are_counted(tmp_path: Path) -> None:
    writer, counts = counting_writer(FileEventLog(tmp_path / "gone", "audit", LONG_SECONDS))

    async def scenario() -> None:
        async with writer.run(drain_seconds=60):
            writer.put(make_draft())

    asyncio.run(scenario())

    assert counts == {"dropped": 1}
