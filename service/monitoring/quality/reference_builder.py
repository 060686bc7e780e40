"""A reference from a folder of images, for day one: without traffic, and without a service."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel

from models.concurrency import gather_or_cancel
from models.errors import KernelSightError
from pipelines.engine import Engine
from service.monitoring.errors import ReferenceTooSmall
from service.monitoring.quality.observer import Quality
from service.monitoring.quality.reference import LEAST, Reference

AT_ONCE = 8  # images in flight: enough to keep every core busy, few enough to keep memory small


def images_of(folder: Path) -> list[Path]:
    """Every file under it but hidden ones; raises ReferenceTooSmall."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    _check(len(paths))
    return paths


async def captured(
    engine: Engine,
    quality: Quality,
    paths: Sequence[Path],
    tasks: Mapping[str, BaseModel],
    *,
    on_image: Callable[[], None],
    on_skip: Callable[[Path, Exception], None],
) -> list[Reference]:
    """Of each subject that enough images say something of. `quality` watches the engine.

    Raises ReferenceTooSmall where too few can be read, and what the engine does but for single images.
    """
    quality.capture(len(paths), "folder")
    slots = asyncio.Semaphore(AT_ONCE)

    async def look(path: Path) -> None:
        async with slots:
            try:
                await engine.run(await asyncio.to_thread(path.read_bytes), tasks, priority="batch")
            except (KernelSightError, OSError) as error:
                on_skip(path, error)
            on_image()

    await gather_or_cancel(*map(look, paths))
    _check(quality.trackers[quality.subjects.images.name].observations)
    captures = [tracker.capture for tracker in quality.trackers.values() if tracker.capture is not None]
    return [capture.reference() for capture in captures if capture.observations >= LEAST]


def _check(found: int) -> None:
    if found < LEAST:
        raise ReferenceTooSmall(found, LEAST)
