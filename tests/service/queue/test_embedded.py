"""The server that is started where there is no Redis: shared, revived, and stopped by the last who uses it."""

import asyncio
import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from service.queue.embedded import EmbeddedServer, EmbeddedUnavailable
from service.queue.factory import open_queue
from service.queue.types import NewJob
from service.settings import Settings


def process_of(folder: Path) -> int:
    return int((folder / "pid").read_text())


def lives(process: int) -> bool:
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
    return found.stdout.strip()[:1] not in ("", "Z")


def test_jobs_are_still_there_when_it_starts_again(tmp_path: Path) -> None:
    async def scenario() -> tuple[object, ...]:
        settings = Settings(queue_data=tmp_path / "queue")
        async with open_queue(settings) as queue:
            id = (await queue.enqueue(NewJob({}))).id
            process = process_of(tmp_path / "queue")
        ended = not lives(process)
        async with open_queue(settings) as queue:
            return ended, (await queue.status(id)).state, (await queue.depths())["interactive"].waiting

    assert asyncio.run(scenario()) == (True, "queued", 1)


def test_nobody_else_gets_in(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    server.start()
    mode = stat.S_IMODE((tmp_path / "socket").stat().st_mode)
    server.stop()

    assert mode == 0o700


def test_processes_share_one_and_the_last_one_to_leave_stops_it(tmp_path: Path) -> None:
    first, second = EmbeddedServer(tmp_path), EmbeddedServer(tmp_path)
    first.start()
    process = process_of(tmp_path)
    second.start()
    shared = process_of(tmp_path) == process
    first.stop()
    kept = lives(process)
    second.stop()

    assert (shared, kept, lives(process)) == (True, True, False)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["dead", "hanging"])
def test_one_that_does_not_answer_is_replaced(tmp_path: Path, how: signal.Signals) -> None:
    server = EmbeddedServer(tmp_path)
    server.start()
    process = process_of(tmp_path)
    os.kill(process, how)
    server.revive()
    found = lives(process), lives(process_of(tmp_path))
    server.stop()

    assert found == (False, True)


def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(EmbeddedUnavailable, match="file/queue"):
        EmbeddedServer(tmp_path / "file" / "queue").start()


def test_a_path_that_no_socket_can_have_is_said(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedUnavailable, match="choose another data folder"):
        EmbeddedServer(tmp_path / ("long" * 30)).start()
