"""Captures references from a folder of images, for the first day: without traffic, and without a service."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel

from models.concurrency import gather_or_cancel
from models.errors import KernelSightError
from pipelines.engine import Engine
from service.monitoring.errors import ReferenceTooSmall
from service.monitoring.quality.observer import QualityObserver
from service.monitoring.quality.reference import MIN_OBSERVATIONS, Reference

MAX_IN_FLIGHT = 8  # images in flight: enough to keep every core busy, few enough to keep memory small


def find_images(folder: Path) -> list[Path]:
    """Every file under the folder except hidden ones; raises ReferenceTooSmall."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    _check_count(len(paths))
    return paths


async def capture_references(
    engine: Engine,
    quality: QualityObserver,
    paths: Sequence[Path],
    tasks: Mapping[str, BaseModel],
    *,
    on_image: Callable[[], None],
    on_skip: Callable[[Path, Exception], None],
) -> list[Reference]:
    """One reference for each subject that enough images have observations of. `quality` must observe the engine.

    Raises ReferenceTooSmall where too few images can be read. Failures of single images go to `on_skip`.
    """
    quality.capture(len(paths), "folder")
    slots = asyncio.Semaphore(MAX_IN_FLIGHT)

    async def run_image(path: Path) -> None:
        async with slots:
            try:
                await engine.run(await asyncio.to_thread(path.read_bytes), tasks, priority="batch")
            except (KernelSightError, OSError) as error:
                on_skip(path, error)
            on_image()

    await gather_or_cancel(*map(run_image, paths))
    _check_count(quality.trackers[quality.subjects.images.name].observations)
    captures = [tracker.capture for tracker in quality.trackers.values() if tracker.capture is not None]
    return [capture.reference() for capture in captures if capture.observations >= MIN_OBSERVATIONS]


def _check_count(found: int) -> None:
    if found < MIN_OBSERVATIONS:
        raise ReferenceTooSmall(found, MIN_OBSERVATIONS)
