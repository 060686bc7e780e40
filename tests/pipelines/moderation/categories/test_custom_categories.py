"""Training runs one at a time, and encodes nothing where it cannot succeed."""

import asyncio
from pathlib import Path

import pytest

from models.errors import Overloaded
from pipelines.cpu_pool import CpuPool
from pipelines.engine import Engine
from pipelines.image.decode import ImageLimits
from pipelines.moderation.categories.custom_categories import CustomCategories, TrainingImage
from pipelines.moderation.categories.store import HeadStore
from pipelines.moderation.errors import CategoryExists, TrainingRejected
from tests.pipelines.fakes import USED, FakePipeline
from tests.pipelines.moderation.embeddings import train_head


def make_categories(folder: Path) -> CustomCategories:
    pool = CpuPool(threads=1)
    return CustomCategories(Engine([FakePipeline()], pool=pool, limits=ImageLimits()), USED, HeadStore(folder), pool)


async def refuse_to_read() -> bytes:
    raise AssertionError("this image must not be read")


def make_images(count: int) -> list[TrainingImage]:
    return [TrainingImage(str(number), refuse_to_read) for number in range(count)]


def test_a_second_training_is_refused_as_overload(tmp_path: Path) -> None:
    async def scenario() -> None:
        categories = make_categories(tmp_path)
        async with categories.reserve_training():
            with pytest.raises(Overloaded, match="training"):
                async with categories.reserve_training():
                    raise AssertionError("two trainings ran at once")
        async with categories.reserve_training():
            return

    asyncio.run(scenario())


def test_no_image_is_read_for_a_training_that_must_fail(tmp_path: Path) -> None:
    categories = make_categories(tmp_path)
    categories.heads.save(train_head(), replace=False)

    with pytest.raises(TrainingRejected, match="9 positive and 10 negative images"):
        asyncio.run(categories.train("forks", make_images(9), make_images(10)))
    with pytest.raises(CategoryExists):
        asyncio.run(categories.train("knives", make_images(10), make_images(10)))


def test_a_file_that_cannot_be_opened_is_skipped(tmp_path: Path) -> None:
    async def gone() -> bytes:
        return (tmp_path / "gone.jpg").read_bytes()

    categories = make_categories(tmp_path)

    with pytest.raises(TrainingRejected, match=r"0 positive and 0 negative images that can be read \(20 cannot\)"):
        asyncio.run(categories.train("forks", [TrainingImage("gone", gone)] * 10, [TrainingImage("gone", gone)] * 10))
