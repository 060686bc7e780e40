"""A folder of images becomes a reference, and what cannot be read in it is skipped."""

import asyncio
from pathlib import Path

import pytest
from PIL import Image

from pipelines.captioning.encoder import Encoder
from pipelines.captioning.pipeline import Captioning, FeaturesOptions
from pipelines.cpu_pool import CpuPool
from pipelines.engine import Engine
from pipelines.image.decode import Limits
from service.monitoring.errors import ReferenceTooSmall
from service.monitoring.quality.reference import LEAST, Reference
from service.monitoring.quality.reference_builder import captured, images_of
from tests.pipelines.fakes import FakeEncoder
from tests.service.monitoring.quality.traffic import LABELS, MANIFEST, USED, quality


def folder_of(count: int, folder: Path, *, broken: int = 0) -> Path:
    (folder / "deeper").mkdir()
    (folder / ".hidden").write_bytes(b"no image")
    for number in range(count):
        Image.new("RGB", (24, 16), (number % 256, 0, 0)).save(folder / "deeper" / f"{number}.png")
    for number in range(broken):
        (folder / f"{number}.jpg").write_bytes(b"no image")
    return folder


def run(folder: Path) -> tuple[list[Reference], list[str]]:
    pool, observer, skipped = CpuPool(threads=1), quality(), list[str]()
    engine = Engine(
        [Captioning(Encoder(MANIFEST, USED, LABELS, FakeEncoder(), pool), pool)], pool=pool, limits=Limits()
    )
    engine.add_observer(observer)
    found = captured(
        engine,
        observer,
        images_of(folder),
        {"features": FeaturesOptions()},
        on_image=lambda: None,
        on_skip=lambda path, error: skipped.append(path.name),
    )
    references = asyncio.run(found)
    pool.close()
    return references, skipped


def test_each_subject_that_the_images_say_something_of_gets_one(tmp_path: Path) -> None:
    references, skipped = run(folder_of(LEAST, tmp_path, broken=2))

    assert [(one.subject, one.source, one.observations) for one in references] == [
        ("images", "folder", LEAST),
        (USED.id, "folder", LEAST),
    ]
    assert sorted(skipped) == ["0.jpg", "1.jpg"]


def test_a_folder_with_too_few_images_that_can_be_read_makes_none(tmp_path: Path) -> None:
    with pytest.raises(ReferenceTooSmall, match=f"takes {LEAST} observations, here are {LEAST - 1}"):
        run(folder_of(LEAST - 1, tmp_path, broken=1))


def test_a_folder_with_too_few_files_is_refused_before_any_is_read(tmp_path: Path) -> None:
    with pytest.raises(ReferenceTooSmall):
        images_of(folder_of(3, tmp_path))
