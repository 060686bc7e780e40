"""Journals in files and in a real server: lines come back in order, and one is found by its result id."""

import asyncio
import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.errors import RequestRejected
from service.monitoring.audit.file_log import OUT_OF_ORDER_SECONDS, FileJournal
from service.monitoring.audit.log import START, Line
from service.monitoring.errors import AuditUnavailable
from tests.service.conftest import LONG_SECONDS, OpenJournals
from tests.service.monitoring.audit.records import id_at, line

APPENDING = """
import asyncio, json, sys, time
from pathlib import Path
from service.monitoring.audit.file_log import FileJournal
from service.monitoring.audit.log import Line
journal = FileJournal(Path(sys.argv[1]), "audit", 1e6)
for number in range(200):
    lines = [Line(time.time(), json.dumps({"by": sys.argv[2], "number": number, "x": "y" * 5000}).encode())] * 5
    asyncio.run(journal.append(lines))
"""


def test_lines_come_back_in_order_from_any_cursor(journals: OpenJournals) -> None:
    async def scenario() -> list[list[bytes]]:
        async with journals() as here, journals() as there:
            empty = await there.audit.read(START, 10)
            await here.audit.append([Line(time.time(), b"1"), Line(time.time(), b"2"), Line(time.time(), b"3")])
            first = await there.audit.read(empty.cursor, 2)
            second = await there.audit.read(first.cursor, 2)
            await here.audit.append([Line(time.time(), b"4")])
            third = await there.audit.read(second.cursor, 2)
            return [empty.lines, first.lines, second.lines, third.lines]

    assert asyncio.run(scenario()) == [[], [b"1", b"2"], [b"3"], [b"4"]]


def test_a_record_is_found_among_many_and_an_unknown_one_is_not(journals: OpenJournals) -> None:
    now = time.time()
    made = [line(now - 2 + number / 1000) for number in range(2000)]

    unknown = [id_at(now), "res_x", "res_" + "f" * 32]  # the last one is of a year without a date

    async def scenario() -> tuple[list[bytes | None], list[bytes | None]]:
        async with journals() as opened:
            await opened.audit.append([one for _, one in made])
            found = [await opened.audit.find(id) for id, _ in (made[0], made[777], made[-1])]
            return found, [await opened.audit.find(id) for id in unknown]

    assert asyncio.run(scenario()) == ([made[at][1].data for at in (0, 777, -1)], [None] * 3)


def test_what_has_been_kept_long_enough_goes(journals: OpenJournals) -> None:
    old, new = time.time() - 3 * 86_400, time.time()

    async def scenario() -> tuple[list[bytes], list[bytes]]:
        async with journals() as opened, journals(keep_seconds=0.0) as forgetful:
            await opened.audit.append([Line(old, b"old"), Line(new, b"new")])
            await opened.audit.prune()
            kept = await opened.audit.read(START, 10)
            await asyncio.sleep(0.01)
            await forgetful.audit.prune()
            return kept.lines, (await opened.audit.read(START, 10)).lines

    kept, left = asyncio.run(scenario())
    assert (kept, b"old" in left) == ([b"old", b"new"], False)


def test_what_is_no_cursor_is_refused(journals: OpenJournals) -> None:
    async def scenario() -> None:
        async with journals() as opened:
            await opened.audit.read("../../etc/passwd:0", 1)

    with pytest.raises(RequestRejected, match="no cursor"):
        asyncio.run(scenario())


def test_a_record_is_looked_for_in_the_day_of_its_id_even_where_it_was_written_late(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path, "audit", LONG_SECONDS)
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
    many = [line(noon + hours * 3600) for hours in range(-12, 12)]
    late, path = line(noon), tmp_path / "audit-2026-03-01.jsonl"

    async def scenario() -> list[bytes | None]:
        await journal.append([one for _, one in many])
        path.write_bytes(path.read_bytes() + late[1].data + b"\n")
        return [await journal.find(id) for id, _ in (many[0], many[12], many[-1], late)]

    assert asyncio.run(scenario()) == [one.data for _, one in (many[0], many[12], many[-1], late)]
    assert list(tmp_path.iterdir()) == [path]
    assert OUT_OF_ORDER_SECONDS < 3600  # or the late one would not be


def test_several_processes_append_whole_lines(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", APPENDING, tmp_path, name]) for name in "abc"]
    codes = [writer.wait(60) for writer in writers]

    [path] = tmp_path.iterdir()
    found = [json.loads(one) for one in path.read_bytes().splitlines()]
    assert (codes, len(found)) == ([0, 0, 0], 3 * 200 * 5)
    assert [[one["number"] for one in found if one["by"] == name] for name in "abc"] == [
        [number for number in range(200) for _ in range(5)]
    ] * 3


def test_half_a_line_that_a_crash_left_spoils_no_other(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path, "audit", LONG_SECONDS)
    now = time.time()
    (tmp_path / f"audit-{datetime.fromtimestamp(now, UTC):%Y-%m-%d}.jsonl").write_bytes(b'{"result_id":"re')

    async def scenario() -> list[bytes]:
        await journal.append([Line(now, b"whole")])
        return (await journal.read(START, 10)).lines

    assert asyncio.run(scenario()) == [b'{"result_id":"re', b"whole"]


def test_a_folder_that_cannot_be_one_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(AuditUnavailable, match="file"):
        FileJournal(tmp_path / "file", "audit", LONG_SECONDS).check()
