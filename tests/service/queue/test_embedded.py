"""The embedded server: shared by processes, revived, and stopped by the last one that uses it."""

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
from service.settings import QueueSettings, Settings


def read_pid(folder: Path) -> int:
    return int((folder / "pid").read_text())


def is_alive(process: int) -> bool:
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
    return found.stdout.strip()[:1] not in ("", "Z")


def test_jobs_survive_a_restart(tmp_path: Path) -> None:
    async def scenario() -> tuple[object, ...]:
        settings = Settings(queue=QueueSettings(queue_data=tmp_path / "queue"))
        async with open_queue(settings) as queue:
            id = (await queue.enqueue(NewJob({}))).id
            process = read_pid(tmp_path / "queue")
        survived = is_alive(process)
        async with open_queue(settings) as queue:
            return survived, (await queue.status(id)).state, (await queue.depths())["interactive"].waiting

    first_server_survived, state, waiting = asyncio.run(scenario())

    assert not first_server_survived
    assert state == "queued"
    assert waiting == 1


def test_only_the_owner_may_connect(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    server.start()
    mode = stat.S_IMODE((tmp_path / "socket").stat().st_mode)
    server.stop()

    assert mode == 0o700


def test_the_last_process_to_leave_stops_the_server(tmp_path: Path) -> None:
    first, second = EmbeddedServer(tmp_path), EmbeddedServer(tmp_path)
    first.start()
    process = read_pid(tmp_path)
    second.start()
    process_of_second = read_pid(tmp_path)
    first.stop()
    alive_after_first = is_alive(process)
    second.stop()

    assert process_of_second == process
    assert alive_after_first
    assert not is_alive(process)


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGSTOP], ids=["dead", "hanging"])
def test_a_server_that_does_not_answer_is_replaced(tmp_path: Path, signal_number: signal.Signals) -> None:
    server = EmbeddedServer(tmp_path)
    server.start()
    process = read_pid(tmp_path)
    os.kill(process, signal_number)
    server.revive()
    old_is_alive, new_is_alive = is_alive(process), is_alive(read_pid(tmp_path))
    server.stop()

    assert not old_is_alive
    assert new_is_alive


def test_an_unusable_folder_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(EmbeddedUnavailable, match="file/queue"):
        EmbeddedServer(tmp_path / "file" / "queue").start()


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedUnavailable, match="choose another data folder"):
        EmbeddedServer(tmp_path / ("long" * 30)).start()
