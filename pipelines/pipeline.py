"""What every pipeline is, and what it may use: the runtime to infer, the pool to compute."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any, ParamSpec, Protocol, TypeVar, runtime_checkable

import cv2
from pydantic import BaseModel

from models.errors import Overloaded
from models.lane import Inference
from models.session import Array
from models.waiting import Priority
from pipelines.decode import Picture
from pipelines.types import ModelUsed

P = ParamSpec("P")
R = TypeVar("R")
OptionsT = TypeVar("OptionsT", bound=BaseModel, contravariant=True)
ResultT = TypeVar("ResultT", bound=BaseModel)


Report = Callable[[BaseModel, int], None]  # a part of the result, and how many there will be


def _unheard(part: BaseModel, of: int) -> None:
    """What is done with parts of a result that nobody waits for."""


class Infer(Protocol):
    """`Runtime.infer` or `Runtime.infer_many`, or a stand-in for them."""

    async def __call__(
        self, model: str, inputs: Mapping[str, Array], *, priority: Priority = ..., deadline: float | None = ...
    ) -> Inference: ...


@dataclass(slots=True)
class Call:
    """One request on its way through: its priority, its deadline (`time.monotonic`), its stopwatch.

    `shared` holds what several pipelines of the request need once; they are given the same dict. `report` is told
    what is done before all of it is: each page of a document.
    """

    priority: Priority = "interactive"
    deadline: float | None = None
    timings: dict[str, float] = field(default_factory=dict)
    shared: dict[str, asyncio.Task[Any]] = field(default_factory=dict)
    report: Report = _unheard

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = perf_counter()
        try:
            yield
        finally:
            self.add(name, perf_counter() - started)

    async def once(self, name: str, work: Callable[[], Coroutine[Any, Any, R]]) -> R:
        """The result of `work`, which the first caller starts and all others of the request wait for."""
        if name not in self.shared:
            self.shared[name] = asyncio.create_task(work())
        result: R = await self.shared[name]
        return result

    def add(self, name: str, seconds: float) -> None:
        self.timings[name] = round(self.timings.get(name, 0.0) + seconds, 6)


class Pipeline(Protocol[OptionsT, ResultT]):
    """One kind of understanding. `name` is its key in requests, results and metrics."""

    @property
    def name(self) -> str: ...

    @property
    def models(self) -> list[ModelUsed]: ...

    def shorter_side(self, options: OptionsT) -> int | None:
        """Pixels that the decoded image's shorter side should have at least; None: all there are."""

    async def run(self, picture: Picture, options: OptionsT, call: Call) -> ResultT: ...

    def brief(self, result: ResultT) -> str:
        """The result in a few lines of Markdown for a language model."""


@runtime_checkable
class Gate(Protocol):
    """A pipeline that can keep a picture from all others."""

    @property
    def name(self) -> str: ...

    def passes(self, result: Any) -> bool: ...


@runtime_checkable
class OpensPdf(Protocol):
    """A pipeline that reads a PDF by itself, from `Picture.data`, and may be told its password."""

    def password(self, options: Any) -> str | None: ...


class CpuPool:
    """Threads for decoding and array work, so that the event loop never computes.

    Bounded: `limit` calls may wait, the next one raises Overloaded. A cancelled caller's work is
    dropped if it has not begun.
    """

    def __init__(self, *, threads: int | None = None, limit: int = 256) -> None:
        cv2.setNumThreads(1)  # this pool is the parallelism: OpenCV's own threads would fight over its cores
        self._executor = ThreadPoolExecutor(threads or os.cpu_count() or 1, thread_name_prefix="cpu")
        self._limit, self._inside = limit, 0

    async def run(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        if self._inside >= self._limit:
            raise Overloaded("the decoder", self._inside)
        self._inside += 1
        work = [partial(function, *args, **kwargs)]
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executor, lambda: work.pop()())
        finally:
            work.clear()  # what was cancelled stays in the executor's queue for a while, but without its image
            self._inside -= 1

    def close(self) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)
