"""Files are reloaded while the service runs."""

import asyncio
import logging
from pathlib import Path

import pytest

from models.errors import KernelSightError
from pipelines.cpu_pool import CpuPool
from service.hot_reload import Reloading, file_state


class LoadRefused(KernelSightError):
    """Raised by loading for the word 'bad'."""


def load_file(path: Path, pool: CpuPool) -> Reloading[str]:
    def load() -> str:
        text = path.read_text() if path.exists() else "nothing"
        if text == "bad":
            raise LoadRefused("this is bad")
        return text

    return Reloading("the file", load, lambda: file_state([path]), pool, every_seconds=0.0)


def replace(path: Path, text: str) -> None:
    """As editors and deployments do it: by a new file under the old name."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def test_a_valid_change_is_loaded_and_an_invalid_one_is_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "file"
    path.write_text("one")

    async def scenario() -> list[str]:
        pool = CpuPool(threads=1)
        reloading = load_file(path, pool)
        contents = [await reloading.current()]
        for text in ("two", "bad", "three"):
            replace(path, text)
            contents.append(await reloading.current())
        path.unlink()
        contents.append(await reloading.current())
        pool.close()
        return contents

    with caplog.at_level(logging.WARNING):
        contents = asyncio.run(scenario())

    assert contents == ["one", "two", "two", "three", "nothing"]
    assert [record.getMessage() for record in caplog.records] == [
        "the file has changed but cannot be loaded; the last valid one stays in use: this is bad"
    ]


def test_an_invalid_file_is_loaded_and_reported_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "file"
    path.write_text("one")

    async def scenario() -> None:
        pool = CpuPool(threads=1)
        reloading = load_file(path, pool)
        replace(path, "bad")
        for _ in range(5):
            await reloading.current()
        pool.close()

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())

    assert len(caplog.records) == 1


def test_an_invalid_file_at_the_start_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("bad")
    pool = CpuPool(threads=1)

    with pytest.raises(LoadRefused):
        load_file(path, pool)

    pool.close()
