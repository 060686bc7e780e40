"""Event logs in files and in a real server keep lines in order, and find a line by its result id."""

import asyncio
import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.errors import RequestRejected
from service.monitoring.audit.file_log import OUT_OF_ORDER_SECONDS, FileEventLog
from service.monitoring.audit.log import START, LogLine
from service.monitoring.audit.redis_log import RedisEventLog
from service.monitoring.errors import AuditFull, AuditUnavailable
from service.queue.connection import QueueConnection
from service.queue.scripts import ScriptRunner
from tests.service.conftest import LONG_SECONDS, OpenEventLogs
from tests.service.monitoring.audit.records import make_line, result_id_at

APPENDING = """
import asyncio, json, sys, time
from pathlib import Path
from service.monitoring.audit.file_log import FileEventLog
from service.monitoring.audit.log import LogLine
event_log = FileEventLog(Path(sys.argv[1]), "audit", 1e6)
for number in range(200):
    lines = [LogLine(time.time(), json.dumps({"by": sys.argv[2], "number": number, "x": "y" * 5000}).encode())] * 5
    asyncio.run(event_log.append(lines))
"""


def test_lines_are_read_in_order_from_any_cursor(open_logs: OpenEventLogs) -> None:
    async def scenario() -> list[list[bytes]]:
        async with open_logs() as here, open_logs() as there:
            empty = await there.audit.read(START, 10)
            await here.audit.append(
                [LogLine(time.time(), b"1"), LogLine(time.time(), b"2"), LogLine(time.time(), b"3")]
            )
            first = await there.audit.read(empty.cursor, 2)
            second = await there.audit.read(first.cursor, 2)
            await here.audit.append([LogLine(time.time(), b"4")])
            third = await there.audit.read(second.cursor, 2)
            return [empty.lines, first.lines, second.lines, third.lines]

    assert asyncio.run(scenario()) == [[], [b"1", b"2"], [b"3"], [b"4"]]


def test_a_record_is_found_by_its_id_and_an_unknown_id_is_not(open_logs: OpenEventLogs) -> None:
    now = time.time()
    lines = [make_line(now - 2 + number / 1000) for number in range(2000)]
    unknown = [result_id_at(now), "res_x", "res_" + "f" * 32]  # the last one is of a year without a date

    async def scenario() -> tuple[list[bytes | None], list[bytes | None]]:
        async with open_logs() as opened:
            await opened.audit.append([line for _, line in lines])
            found = [await opened.audit.find(id) for id, _ in (lines[0], lines[777], lines[-1])]
            return found, [await opened.audit.find(id) for id in unknown]

    found, not_found = asyncio.run(scenario())
    assert found == [lines[at][1].data for at in (0, 777, -1)]
    assert not_found == [None] * 3


def test_expired_lines_are_pruned(open_logs: OpenEventLogs) -> None:
    old, new = time.time() - 3 * 86_400, time.time()

    async def scenario() -> tuple[list[bytes], list[bytes]]:
        async with open_logs() as opened, open_logs(keep_seconds=0.0) as forgetful:
            await opened.audit.append([LogLine(old, b"old"), LogLine(new, b"new")])
            await opened.audit.prune()
            kept = await opened.audit.read(START, 10)
            await asyncio.sleep(0.01)
            await forgetful.audit.prune()
            return kept.lines, (await opened.audit.read(START, 10)).lines

    kept, left = asyncio.run(scenario())
    assert kept == [b"old", b"new"]
    assert b"old" not in left


def test_an_invalid_cursor_is_refused(open_logs: OpenEventLogs) -> None:
    async def scenario() -> None:
        async with open_logs() as opened:
            await opened.audit.read("../../etc/passwd:0", 1)

    with pytest.raises(RequestRejected, match="no cursor"):
        asyncio.run(scenario())


def test_a_record_written_late_is_found_in_the_day_of_its_id(tmp_path: Path) -> None:
    event_log = FileEventLog(tmp_path, "audit", LONG_SECONDS)
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
    many = [make_line(noon + hours * 3600) for hours in range(-12, 12)]
    late, path = make_line(noon), tmp_path / "audit-2026-03-01.jsonl"

    async def scenario() -> list[bytes | None]:
        await event_log.append([line for _, line in many])
        path.write_bytes(path.read_bytes() + late[1].data + b"\n")
        return [await event_log.find(id) for id, _ in (many[0], many[12], many[-1], late)]

    assert asyncio.run(scenario()) == [line.data for _, line in (many[0], many[12], many[-1], late)]
    assert list(tmp_path.iterdir()) == [path]
    assert OUT_OF_ORDER_SECONDS < 3600  # otherwise the late line would not be out of order


def test_several_processes_append_whole_lines(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", APPENDING, tmp_path, name]) for name in "abc"]
    codes = [writer.wait(60) for writer in writers]

    [path] = tmp_path.iterdir()
    found = [json.loads(one) for one in path.read_bytes().splitlines()]
    assert codes == [0, 0, 0]
    assert len(found) == 3 * 200 * 5
    assert [[one["number"] for one in found if one["by"] == name] for name in "abc"] == [
        [number for number in range(200) for _ in range(5)]
    ] * 3


def test_half_a_line_left_by_a_crash_does_not_spoil_the_next(tmp_path: Path) -> None:
    event_log = FileEventLog(tmp_path, "audit", LONG_SECONDS)
    now = time.time()
    (tmp_path / f"audit-{datetime.fromtimestamp(now, UTC):%Y-%m-%d}.jsonl").write_bytes(b'{"result_id":"re')

    async def scenario() -> list[bytes]:
        await event_log.append([LogLine(now, b"whole")])
        return (await event_log.read(START, 10)).lines

    assert asyncio.run(scenario()) == [b'{"result_id":"re', b"whole"]


def test_a_full_log_in_a_folder_takes_no_more(tmp_path: Path) -> None:
    event_log = FileEventLog(tmp_path, "audit", LONG_SECONDS, max_bytes=1000)
    now = time.time()
    lines = [LogLine(now - 86_400, b"x" * 499), LogLine(now, b"y" * 499)]

    async def scenario() -> list[bytes]:
        await event_log.append(lines)
        with pytest.raises(AuditFull):
            await event_log.append([LogLine(now, b"z")])
        return (await event_log.read(START, 10)).lines

    assert asyncio.run(scenario()) == [line.data for line in lines]


def test_a_full_log_in_redis_loses_its_oldest_lines(url: str) -> None:
    async def scenario() -> tuple[int, list[bytes]]:
        connection = QueueConnection(url)
        server = ScriptRunner(connection, "test-full-log")
        event_log = RedisEventLog(server, "audit", LONG_SECONDS, max_lines=100_000, max_bytes=2**20)
        try:
            for number in range(1000):
                await event_log.append([LogLine(time.time(), b"%d " % number + bytes(10_000))])
            used = await connection.commands.memory_usage(event_log.key, samples=0)
            return used, (await event_log.read(START, 1000)).lines
        finally:
            await connection.close()

    used, lines = asyncio.run(scenario())

    assert used < 1.2 * 2**20  # the server's own estimate looks at a few lines
    assert len(lines) > 50
    assert lines[-1].startswith(b"999 ")


def test_a_folder_that_cannot_be_created_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(AuditUnavailable, match="file"):
        FileEventLog(tmp_path / "file", "audit", LONG_SECONDS).check()
