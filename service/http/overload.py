"""Overload is decided at the door: a request that would have to wait too long is refused before its body is read.

    request ─► short wait? ─► its body arrives ─► still short? ─► work in progress ─► answer, from which the door learns
                   └───────► 429, Retry-After ◄───────┘

The first question keeps bodies out. The second keeps those out that were sent slowly and end together, and only now is
the request counted: whoever sends slowly takes nobody's place.
"""

import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.errors import Overloaded
from service.http.error_handlers import error_response
from service.http.operations import prefers_async
from service.operations.operation import Operation
from service.settings import LimitSettings
from service.telemetry.metrics import Metrics
from service.telemetry.request_context import on_outside_wait

# So many requests of a door are never refused: a few patient callers, and what waits for each core at a usual load.
# With four for each core, a load of 80 % meets refusals once in a thousand times.
HANDFUL, REQUESTS_PER_CORE = 8, 4
BURST_WAITS, BURST_SECONDS = 4, 0.1  # after a quiet moment, so many times the wait is let in, for so long
FIRST_GUESS_SECONDS = 0.05  # of work, for a kind of request that has not been answered yet
LEARNING_RATE = 0.1


class OverloadMiddleware:
    """`doors` has the door of each operation by its path; other routes have none.

    Jobs pass, because the queue has limits of its own.
    """

    def __init__(self, app: ASGIApp, doors: Mapping[str, "Door"], metrics: Metrics) -> None:
        self._app, self._doors, self._metrics = app, doors, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        door = self._doors.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if door is None or prefers_async(scope["headers"]):
            await self._app(scope, receive, send)
            return
        try:
            door.check()
        except Overloaded as error:
            self._metrics.requests.count_problem(error.code)
            await error_response(error, scope["path"])(scope, receive, send)
            return
        await _Passage(door, scope["path"], receive, send).run(self._app, scope)


class _Passage:
    """One request on its way through a door, counted from the end of its body until the end of its answer.

    It is not counted while it waits for others: for the host of an image's URL, or for a client that reads slowly.
    """

    def __init__(self, door: "Door", kind: str, receive: Receive, send: Send) -> None:
        self._door, self._work = door, WorkInProgress(kind)
        self._receive, self._send = receive, send
        self._has_body = self._is_over = self._succeeded = False
        self._waits = 0  # for others, at the moment

    async def run(self, app: ASGIApp, scope: Scope) -> None:
        try:
            with on_outside_wait(self._pause, self._resume):
                await app(scope, self._receive_body, self._send_counted)
        finally:
            self._end()

    async def _receive_body(self) -> Message:
        """Raises Overloaded."""
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False) and not self._has_body:
            self._door.check()
            self._door.count(self._work)
            self._has_body = True
        return message

    async def _send_counted(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._succeeded = message["status"] < 400
        elif not message.get("more_body", False):
            self._end()  # before the client has it, who may ask again at once
            await self._send(message)
            return
        self._pause()
        await self._send(message)
        self._resume()

    def _pause(self) -> None:
        self._waits += 1
        self._door.pause(self._work)

    def _resume(self) -> None:
        self._waits -= 1
        if self._waits == 0 and self._has_body and not self._is_over:
            self._door.count(self._work)

    def _end(self) -> None:
        self._door.pause(self._work)
        if self._has_body and not self._is_over and self._succeeded:
            self._door.learn(self._work)
        self._is_over = True


@dataclass(slots=True)
class WorkInProgress:
    """A request's work, in core-seconds, up to `since`: a time of the door's work clock, or None while it waits."""

    kind: str
    seconds: float = 0.0
    since: float | None = None


class Door:
    """Estimates how long another request would wait, from the requests in progress and from how long their kinds took.

    A kind's work is in core-seconds: while n requests share c cores, the work clock runs at c / n of time, at most at
    its pace. So the estimate of the wait, work in progress over cores, holds whatever else slows the machine down.
    """

    def __init__(
        self, max_wait_seconds: float, *, cores: int | None = None, clock: Callable[[], float] = monotonic
    ) -> None:
        self.max_wait_seconds = max_wait_seconds
        self._cores, self._clock = cores or _usable_cores(), clock
        self._never_refused = HANDFUL + REQUESTS_PER_CORE * self._cores
        self._work_seconds: dict[str, float] = {}  # of one request of a kind
        self._counts: Counter[str] = Counter()  # of requests in progress, by kind
        self._in_progress = 0
        self._work_clock, self._read_at = 0.0, clock()
        self._quiet_at = float("-inf")

    def check(self) -> None:
        """Raises Overloaded if another request would wait too long."""
        if self._in_progress <= self._never_refused // 2:
            self._quiet_at = self._clock()
        if self._in_progress < self._never_refused:
            return
        wait, is_burst = self.expected_wait(), self._clock() - self._quiet_at <= BURST_SECONDS
        if wait > self.max_wait_seconds * (BURST_WAITS if is_burst else 1):
            raise Overloaded("the service", self._in_progress, math.ceil(wait))

    def count(self, work: WorkInProgress) -> None:
        """From now on `work` is in progress."""
        if work.since is None:
            self._advance()
            self._counts[work.kind] += 1
            self._in_progress += 1
            work.since = self._work_clock

    def pause(self, work: WorkInProgress) -> None:
        """From now on `work` is not in progress, until it is counted again."""
        if work.since is not None:
            self._advance()
            self._counts[work.kind] -= 1
            self._in_progress -= 1
            work.seconds += self._work_clock - work.since
            work.since = None

    def learn(self, work: WorkInProgress) -> None:
        """Of requests that succeeded: those that fail take less work than what they asked for."""
        before = self._work_of(work.kind)
        self._work_seconds[work.kind] = before + LEARNING_RATE * (work.seconds - before)

    def expected_wait(self) -> float:
        """Seconds until what is in progress is done."""
        return sum(count * self._work_of(kind) for kind, count in self._counts.items()) / self._cores

    def _work_of(self, kind: str) -> float:
        return self._work_seconds.get(kind, FIRST_GUESS_SECONDS)

    def _advance(self) -> None:
        now = self._clock()
        if self._in_progress:
            self._work_clock += (now - self._read_at) * min(1.0, self._cores / self._in_progress)
        self._read_at = now


def open_doors(operations: Iterable[Operation[Any]], limits: LimitSettings) -> dict[str, Door]:
    """By the path of the operation. Operations with the same time limit share a door."""
    doors = {
        name: Door(min(limits.max_wait_seconds, getattr(limits, name)))
        for name in ("request_seconds", "document_seconds")
    }
    return {operation.path: doors[operation.time_limit] for operation in operations}


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
