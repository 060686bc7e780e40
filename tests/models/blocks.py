"""Many items at once for the tests of `infer_many`."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import numpy as np

from models.inference import Inference
from models.runtime.session import Array

Feeds = dict[str, Array]


def block(*values: float, size: int = 2) -> Feeds:
    """Items of these values on a leading axis."""
    return {"x": np.repeat(np.array(values, np.float32)[:, None], size, axis=1)}


def values_of(answer: Inference) -> list[float]:
    """What `block` was asked with, read back from its answer."""
    return [float(row[0]) - 1 for row in answer.outputs["y"]]


async def started(*calls: Coroutine[Any, Any, Inference]) -> list[asyncio.Task[Inference]]:
    """One task for each call; all of their blocks are in the line (or in a lane) when this returns."""
    tasks = [asyncio.create_task(call) for call in calls]
    for _ in range(3):  # a call starts one task for each of its blocks, and only those wait in the line
        await asyncio.sleep(0)
    return tasks
