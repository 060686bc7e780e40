"""Blocks of items for the tests of `infer_many`."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import numpy as np

from models.arrays import Array
from models.inference import Inference

Feeds = dict[str, Array]


def block(*values: float, size: int = 2) -> Feeds:
    """Items of these values on a leading axis."""
    return {"x": np.repeat(np.array(values, np.float32)[:, None], size, axis=1)}


def values_of(answer: Inference) -> list[float]:
    """The values that `block` was called with, read back from its answer."""
    return [float(row[0]) - 1 for row in answer.outputs["y"]]


async def start_calls(*calls: Coroutine[Any, Any, Inference]) -> list[asyncio.Task[Inference]]:
    """One task per call; all of their blocks are queued, or in a worker, when this returns."""
    tasks = [asyncio.create_task(call) for call in calls]
    for _ in range(3):  # a call starts one task for each of its blocks, and only those are queued
        await asyncio.sleep(0)
    return tasks
