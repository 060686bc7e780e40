"""Trainings are bounded: one at a time, and nothing is encoded for one that cannot succeed."""

import asyncio
from pathlib import Path

import pytest

from models.errors import Overloaded
from pipelines.cpu_pool import CpuPool
from pipelines.engine import Engine
from pipelines.image.decode import Limits
from pipelines.moderation.categories.custom_categories import Categories, Sample
from pipelines.moderation.categories.store import HeadStore
from pipelines.moderation.errors import CategoryExists, TrainingRejected
from tests.pipelines.fakes import USED, FakePipeline
from tests.pipelines.moderation.clouds import trained


def categories(folder: Path) -> Categories:
    pool = CpuPool(threads=1)
    return Categories(Engine([FakePipeline()], pool=pool, limits=Limits()), USED, HeadStore(folder), pool)


async def unread() -> bytes:
    raise AssertionError("this image must not be read")


def samples(count: int) -> list[Sample]:
    return [Sample(str(number), unread) for number in range(count)]


def test_a_second_training_is_told_to_come_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        known = categories(tmp_path)
        async with known.turn():
            with pytest.raises(Overloaded, match="training"):
                async with known.turn():
                    raise AssertionError("there were two")
        async with known.turn():
            return

    asyncio.run(scenario())


def test_no_image_is_read_for_too_few_or_for_a_name_that_is_taken(tmp_path: Path) -> None:
    known = categories(tmp_path)
    known.heads.save(trained(), replace=False)

    with pytest.raises(TrainingRejected, match="9 positive and 10 negative images"):
        asyncio.run(known.train("forks", samples(9), samples(10)))
    with pytest.raises(CategoryExists):
        asyncio.run(known.train("knives", samples(10), samples(10)))


def test_a_file_that_cannot_be_opened_is_skipped_by_name(tmp_path: Path) -> None:
    async def gone() -> bytes:
        return (tmp_path / "gone.jpg").read_bytes()

    known = categories(tmp_path)

    with pytest.raises(TrainingRejected, match=r"0 positive and 0 negative images that can be read \(20 cannot\)"):
        asyncio.run(known.train("forks", [Sample("gone", gone)] * 10, [Sample("gone", gone)] * 10))
