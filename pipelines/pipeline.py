"""What every pipeline is, and what it may use: the runtime to infer, the pool to compute."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import partial
from threading import get_ident
from time import perf_counter
from typing import Any, ParamSpec, Protocol, TypeVar, runtime_checkable

import cv2
from pydantic import BaseModel

from models.lane import Inference
from models.session import Array
from models.waiting import Priority, Waiting, WaitingLine
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


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of a request's time: `name` as in its timings, `ended` of `time.perf_counter`."""

    name: str
    ended: float
    seconds: float


@dataclass(slots=True)
class Call:
    """One request on its way through: its priority, its deadline (`time.monotonic`), its stopwatch.

    `shared` holds what several pipelines of the request need once; they are given the same dict. `report` is told
    what is done before all of it is: each page of a document. With `fresh` nothing is taken from earlier requests.
    `ran` are the models that answered, in that order.
    """

    priority: Priority = "interactive"
    deadline: float | None = None
    timings: dict[str, float] = field(default_factory=dict)
    stages: list[Stage] = field(default_factory=list)
    shared: dict[str, asyncio.Task[Any]] = field(default_factory=dict)
    report: Report = _unheard
    ran: dict[ModelUsed, None] = field(default_factory=dict)
    fresh: bool = False

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

    def take(self, pipeline: str, own: "Call") -> None:
        """The stages of a pipeline, behind its name; beside those that it had before."""
        for stage in own.stages:
            self.stages.append(replace(stage, name=f"{pipeline}.{stage.name}"))
        for name, seconds in own.timings.items():
            self.timings[f"{pipeline}.{name}"] = round(self.timings.get(f"{pipeline}.{name}", 0.0) + seconds, 6)
        self.ran |= own.ran

    def inferred(self, answer: Inference, *, wait: str = "wait", session: str = "session") -> None:
        """An inference that has just come back: the time in line, and in the session, and whose it was."""
        self.credit(answer)
        ended = perf_counter()
        self.add(wait, answer.wait_seconds, ended=ended - answer.run_seconds)
        self.add(session, answer.run_seconds, ended=ended)

    def credit(self, answer: Inference) -> None:
        """Note which model gave `answer`, where the runtime says so."""
        if answer.served is not None:
            self.ran[ModelUsed.of(answer.served)] = None

    def add(self, name: str, seconds: float, *, ended: float | None = None) -> None:
        """A stage that took `seconds`, and ends now unless it did before."""
        self.stages.append(Stage(name, perf_counter() if ended is None else ended, seconds))
        self.timings[name] = round(self.timings.get(name, 0.0) + seconds, 6)


def used_in(answer: Inference, declared: ModelUsed) -> ModelUsed:
    """Which model gave `answer`: the declared one, unless the runtime says that another version of it did."""
    return declared if answer.served is None else ModelUsed.of(answer.served)


class Pipeline(Protocol[OptionsT, ResultT]):
    """One kind of understanding. `name` is its key in requests, results and metrics."""

    @property
    def name(self) -> str: ...

    def models(self, options: OptionsT) -> list[ModelUsed]:
        """All that `options` make it ask, if there is something in the picture for them to look at."""

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

    def of_a_page(self, options: Any) -> Any | None:
        """Options for a further page of a file whose first was looked at; None: nothing more would be found there."""

    async def unseen(self, options: Any, why: str) -> Any:
        """The result for a page that cannot be looked at."""

    def over_pages(self, found: Mapping[int, Any]) -> Any:
        """One result of those of several pages by number."""


@runtime_checkable
class OpensPdf(Protocol):
    """A pipeline that reads a PDF by itself, from `Picture.data`, and may be told its password."""

    def password(self, options: Any) -> str | None: ...

    def pages(self, options: Any, count: int) -> list[int]:
        """Which it reads of so many; raises RequestRejected or TooManyPages."""


_Work = tuple[Future[Any], Callable[[], Any]]
_priority: ContextVar[Priority] = ContextVar("priority", default="interactive")


@contextmanager
def at_priority(priority: Priority) -> Iterator[None]:
    """What is computed for this block, and for the tasks that it starts, waits in the line of `priority`."""
    token = _priority.set(priority)
    try:
        yield
    finally:
        _priority.reset(token)


class CpuPool:
    """Threads for decoding and array work, so that the event loop never computes.

    Bounded: `limit` calls of each priority may wait, the next one raises Overloaded. A cancelled caller's work is
    dropped if it has not begun.
    """

    def __init__(self, *, threads: int | None = None, limit: int = 256) -> None:
        cv2.setNumThreads(1)  # this pool is the parallelism: OpenCV's own threads would fight over its cores
        self.threads = threads or os.cpu_count() or 1
        self._executor = ThreadPoolExecutor(self.threads, thread_name_prefix="cpu")
        self._at_work: set[int] = set()  # idents of the threads that compute now
        self._line: WaitingLine[_Work] = WaitingLine("the decoder", limit)

    async def run(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        result: Future[R] = Future()
        work: _Work = (result, partial(function, *args, **kwargs))
        waiting = Waiting(work, (), _priority.get())
        self._line.put(waiting)
        self._executor.submit(self._next)  # a thread takes what is most urgent when it is free, not this call
        try:
            return await asyncio.wrap_future(result)
        finally:
            self._line.discard(waiting)

    @property
    def busy(self) -> int:
        """Threads that compute now."""
        return len(self._at_work)

    def depth(self, priority: Priority) -> int:
        """Calls of `priority` that wait for a thread."""
        return self._line.depth(priority)

    def _next(self) -> None:
        self._at_work.add(get_ident())
        try:
            self._take_one()
        finally:
            self._at_work.discard(get_ident())

    def _take_one(self) -> None:
        for waiting in self._line.take(1, wait=False) or ():
            result, call = waiting.work
            if not result.set_running_or_notify_cancel():
                continue
            try:
                result.set_result(call())
            except BaseException as error:
                result.set_exception(error)

    def close(self) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)
