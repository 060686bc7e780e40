"""Nothing waits for records, none is lost where there is room, and what is lost is counted."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from service.monitoring.audit.file_log import FileJournal
from service.monitoring.audit.log import START
from service.monitoring.audit.record import Record
from service.monitoring.audit.writer import Outcome, Writer
from service.monitoring.errors import AuditUnavailable
from tests.service.conftest import LONG_SECONDS
from tests.service.monitoring.audit.records import draft


def counted(journal: FileJournal, room: int = 100) -> tuple[Writer, Counter[str]]:
    counts: Counter[str] = Counter()

    def count(outcome: Outcome, number: int) -> None:
        counts[outcome] += number

    return Writer(journal, count, room=room), counts


def test_records_wait_for_a_journal_that_cannot_be_written_and_what_finds_no_room_is_counted(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    journal = FileJournal(folder, "audit", LONG_SECONDS)
    writer, counts = counted(journal, room=3)
    drafts = [draft() for _ in range(5)]

    async def scenario() -> list[bytes]:
        for one in drafts:
            writer.put(one)
        with pytest.raises(AuditUnavailable):
            await writer.flush()
        folder.mkdir()
        await writer.flush()
        return (await journal.read(START, 10)).lines

    written = [Record.model_validate_json(one).result_id for one in asyncio.run(scenario())]
    assert (written, counts) == ([one.result_id for one in drafts[:3]], {"written": 3, "dropped": 2})


def test_on_the_way_out_all_is_written(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path, "audit", LONG_SECONDS)
    writer, counts = counted(journal)

    async def scenario() -> int:
        async with writer.running(drain_seconds=60):
            for _ in range(50):
                writer.put(draft())
        return len((await journal.read(START, 100)).lines)

    assert (asyncio.run(scenario()), counts) == (50, {"written": 50, "dropped": 0})


def test_on_the_way_out_what_cannot_be_written_is_counted(tmp_path: Path) -> None:
    writer, counts = counted(FileJournal(tmp_path / "gone", "audit", LONG_SECONDS))

    async def scenario() -> None:
        async with writer.running(drain_seconds=60):
            writer.put(draft())

    asyncio.run(scenario())

    assert counts == {"dropped": 1}
