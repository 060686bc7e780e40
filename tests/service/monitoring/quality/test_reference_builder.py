"""A folder of images becomes references; unreadable files are skipped."""

import asyncio
from pathlib import Path

import pytest
from PIL import Image

from pipelines.captioning.encoder import ImageEncoder
from pipelines.captioning.options import FeaturesOptions
from pipelines.captioning.pipeline import CaptioningPipeline
from pipelines.cpu_pool import CpuPool
from pipelines.engine import Engine
from pipelines.image.decode import ImageLimits
from service.monitoring.errors import ReferenceTooSmall
from service.monitoring.quality.reference import MIN_OBSERVATIONS, Reference
from service.monitoring.quality.reference_builder import capture_references, find_images
from tests.pipelines.fakes import FakeEncoder
from tests.service.monitoring.quality.traffic import LABELS, MANIFEST, USED, make_observer


def write_images(count: int, folder: Path, *, broken: int = 0) -> Path:
    (folder / "deeper").mkdir()
    (folder / ".hidden").write_bytes(b"no image")
    for number in range(count):
        Image.new("RGB", (24, 16), (number % 256, 0, 0)).save(folder / "deeper" / f"{number}.png")
    for number in range(broken):
        (folder / f"{number}.jpg").write_bytes(b"no image")
    return folder


def run(folder: Path) -> tuple[list[Reference], list[str]]:
    pool, observer, skipped = CpuPool(threads=1), make_observer(), list[str]()
    engine = Engine(
        [CaptioningPipeline(ImageEncoder(MANIFEST, USED, LABELS, FakeEncoder(), pool), pool)],
        pool=pool,
        limits=ImageLimits(),
    )
    engine.add_observer(observer.observe)
    capture = capture_references(
        engine,
        observer,
        find_images(folder),
        {"features": FeaturesOptions()},
        on_image=lambda: None,
        on_skip=lambda path, error: skipped.append(path.name),
    )
    references = asyncio.run(capture)
    pool.close()
    return references, skipped


def test_each_subject_with_observations_gets_a_reference(tmp_path: Path) -> None:
    references, skipped = run(write_images(MIN_OBSERVATIONS, tmp_path, broken=2))

    assert [(one.subject, one.source, one.observations) for one in references] == [
        ("images", "folder", MIN_OBSERVATIONS),
        (USED.id, "folder", MIN_OBSERVATIONS),
    ]
    assert sorted(skipped) == ["0.jpg", "1.jpg"]


def test_too_few_readable_images_make_no_reference(tmp_path: Path) -> None:
    with pytest.raises(
        ReferenceTooSmall, match=f"takes {MIN_OBSERVATIONS} observations, here are {MIN_OBSERVATIONS - 1}"
    ):
        run(write_images(MIN_OBSERVATIONS - 1, tmp_path, broken=1))


def test_too_few_files_are_refused_before_any_is_read(tmp_path: Path) -> None:
    with pytest.raises(ReferenceTooSmall):
        find_images(write_images(3, tmp_path))
