"""Files that change while the service runs."""

import asyncio
import logging
from pathlib import Path

import pytest

from models.errors import KernelSightError
from pipelines.cpu_pool import CpuPool
from service.hot_reload import Reloading, file_state


class Refused(KernelSightError):
    """What loading raises for the word 'bad'."""


def watching(path: Path, pool: CpuPool) -> Reloading[str]:
    def load() -> str:
        text = path.read_text() if path.exists() else "nothing"
        if text == "bad":
            raise Refused("this is bad")
        return text

    return Reloading("the file", load, lambda: file_state([path]), pool, every_seconds=0.0)


def replace(path: Path, text: str) -> None:
    """As editors and deployments do it: a new file under the old name."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def test_a_change_is_taken_over_and_a_bad_one_is_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "file"
    path.write_text("one")

    async def scenario() -> list[str]:
        pool = CpuPool(threads=1)
        watched = watching(path, pool)
        seen = [await watched.current()]
        for text in ("two", "bad", "three"):
            replace(path, text)
            seen.append(await watched.current())
        path.unlink()
        seen.append(await watched.current())
        pool.close()
        return seen

    with caplog.at_level(logging.WARNING):
        seen = asyncio.run(scenario())

    assert seen == ["one", "two", "two", "three", "nothing"]
    assert [record.getMessage() for record in caplog.records] == [
        "the file has changed and is not taken over: this is bad"
    ]


def test_a_bad_file_is_said_once_and_not_read_at_every_look(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "file"
    path.write_text("one")

    async def scenario() -> None:
        pool = CpuPool(threads=1)
        watched = watching(path, pool)
        replace(path, "bad")
        for _ in range(5):
            await watched.current()
        pool.close()

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())

    assert len(caplog.records) == 1


def test_what_is_bad_at_the_start_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("bad")
    pool = CpuPool(threads=1)

    with pytest.raises(Refused):
        watching(path, pool)

    pool.close()
