"""Overload is decided at the door: by the expected wait, before the body is read, and never against a handful."""

import asyncio
import heapq
import random
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Scope

from models.errors import Overloaded
from service.http.overload import (
    BURST_WAITS,
    HANDFUL,
    REQUESTS_PER_CORE,
    Door,
    OverloadMiddleware,
    WorkInProgress,
    open_doors,
)
from service.operations.registry import OPERATIONS
from service.settings import LimitSettings
from service.telemetry.metrics import Metrics
from service.telemetry.request_context import outside_wait
from tests.conftest import Jpeg
from tests.serving import problem_code, serving

CORES = 2
NEVER_REFUSED = HANDFUL + REQUESTS_PER_CORE * CORES


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Doorway:
    """A door of two cores, with a clock of its own."""

    clock: Clock = field(default_factory=Clock)
    max_wait_seconds: float = 0.1

    def __post_init__(self) -> None:
        self.door = Door(self.max_wait_seconds, cores=CORES, clock=self.clock)

    def enter(self, kind: str = "faces") -> WorkInProgress:
        self.door.check()
        work = WorkInProgress(kind)
        self.door.count(work)
        return work

    def enter_all(self, number: int) -> int:
        """How many of that many requests at once are let in."""
        entered = 0
        for _ in range(number):
            with suppress(Overloaded):
                self.enter()
                entered += 1
        return entered

    def leave(self, work: WorkInProgress) -> None:
        self.door.pause(work)
        self.door.learn(work)

    def teach(self, seconds: float, kind: str = "faces") -> None:
        """Requests that come one by one and take so long."""
        for _ in range(100):
            work = self.enter(kind)
            self.clock.now += seconds
            self.leave(work)


def test_a_handful_is_never_refused_however_long_it_takes() -> None:
    doorway = Doorway()
    doorway.teach(60.0)

    for _ in range(NEVER_REFUSED):
        doorway.enter()
        doorway.clock.now += 1.0


def test_a_longer_wait_than_allowed_is_refused_with_the_time_that_it_takes() -> None:
    doorway = Doorway()
    doorway.teach(1.0)
    for _ in range(NEVER_REFUSED):
        doorway.enter()
    doorway.clock.now += 1.0

    with pytest.raises(Overloaded) as refused:
        doorway.enter()

    assert refused.value.retry_seconds == NEVER_REFUSED * 1.0 / CORES


def test_more_requests_are_let_in_the_less_work_they_are() -> None:
    doorway = Doorway()
    doorway.teach(0.001)
    doorway.clock.now += 10.0
    for _ in range(NEVER_REFUSED):
        doorway.enter()
    doorway.clock.now += 10.0  # no burst any more

    assert NEVER_REFUSED + doorway.enter_all(1000) == pytest.approx(0.1 * CORES / 0.001, abs=2)


def test_a_burst_after_a_quiet_moment_may_wait_longer() -> None:
    doorway = Doorway()
    doorway.teach(0.01)

    assert doorway.enter_all(1000) == pytest.approx(BURST_WAITS * 0.1 * CORES / 0.01, abs=2)


def test_work_in_parallel_is_not_taken_for_slow_work() -> None:
    doorway = Doorway()
    doorway.teach(0.01)
    for _ in range(50):
        together = [doorway.enter() for _ in range(10)]
        doorway.clock.now += 0.05  # ten requests of 10 ms on two cores
        for work in together:
            doorway.leave(work)
    doorway.enter()

    assert doorway.door.expected_wait() == pytest.approx(0.01 / CORES)


@dataclass
class Simulated:
    accepted: list[float] = field(default_factory=list)  # seconds until the answer
    refused: int = 0
    seconds: float = 0.0

    @property
    def p99(self) -> float:
        return quantiles(self.accepted, n=100)[98]

    @property
    def rate(self) -> float:
        return len(self.accepted) / self.seconds


def simulate(load: float, work_seconds: float, *, seconds: float = 60.0) -> Simulated:
    """Requests at random times on two cores, first come, first served; their work varies by a factor of three."""
    doorway, chance, result = (
        Doorway(max_wait_seconds=LimitSettings().max_wait_seconds),
        random.Random(3),
        Simulated(seconds=seconds),
    )
    end = doorway.clock.now + seconds
    free = [doorway.clock.now] * CORES
    leaving: list[tuple[float, int, WorkInProgress]] = []
    arrival, number = doorway.clock.now, 0
    while arrival < end:
        while leaving and leaving[0][0] <= arrival:
            doorway.clock.now, _, work = heapq.heappop(leaving)
            doorway.leave(work)
        doorway.clock.now = arrival
        try:
            work = doorway.enter()
        except Overloaded:
            result.refused += 1
        else:
            begun = max(arrival, heapq.heappop(free))
            done = begun + work_seconds * chance.uniform(0.5, 1.5)
            heapq.heappush(free, done)
            heapq.heappush(leaving, (done, number, work))
            result.accepted.append(done - arrival)
        arrival += chance.expovariate(load * CORES / work_seconds)
        number += 1
    return result


@pytest.mark.parametrize("work_seconds", [0.005, 0.011, 0.03, 0.15])
def test_four_times_the_load_keeps_latency_and_throughput(work_seconds: float) -> None:
    usual, overload = simulate(0.8, work_seconds), simulate(4.0, work_seconds)

    assert overload.p99 <= 3 * usual.p99
    assert overload.rate >= 0.95 * CORES / work_seconds
    assert usual.refused <= 0.005 * len(usual.accepted)


Handler = Callable[[Request], Awaitable[Response]]


class Client:
    """Requests to a handler behind a door that is closed once the handful is inside."""

    def __init__(self, handler: Handler) -> None:
        async def app(scope: Scope, receive: Any, send: Any) -> None:
            response = await handler(Request(scope, receive))
            await response(scope, receive, send)

        self.door = Door(1e-9, cores=CORES, clock=Clock())
        self.metrics = Metrics()
        self._app = OverloadMiddleware(app, {"/v1/faces": self.door}, self.metrics)

    async def post(
        self, *body: bytes, path: str = "/v1/faces", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], int]:
        """Status and headers of the answer, and how many parts of the body were read."""
        parts = [{"type": "http.request", "body": part, "more_body": part != body[-1]} for part in body]
        sent: list[Message] = []
        read = 0

        async def receive() -> Message:
            nonlocal read
            if read < len(parts):
                read += 1
                return parts[read - 1]
            return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

        async def send(message: Message) -> None:
            sent.append(message)

        given = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        scope = {"type": "http", "method": "POST", "path": path, "headers": given, "query_string": b""}
        await self._app(scope, receive, send)
        return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}, read


async def hold(client: Client, number: int, *body: bytes) -> list[asyncio.Task[tuple[int, dict[str, str], int]]]:
    """That many requests, each as far as it goes without the handler's answer."""
    tasks = [asyncio.create_task(client.post(*body)) for _ in range(number)]
    for _ in range(20):
        await asyncio.sleep(0)
    return tasks


def test_a_refused_request_is_not_read() -> None:
    async def scenario() -> tuple[tuple[int, dict[str, str], int], list[int]]:
        answer = asyncio.Event()

        async def handler(request: Request) -> Response:
            await request.body()
            await answer.wait()
            return Response()

        client = Client(handler)
        held = await hold(client, NEVER_REFUSED, b"image")
        client.door._clock.now += 1  # type: ignore[attr-defined]  # the burst is over
        refused = await client.post(b"image")
        answer.set()
        return refused, [status for status, _, _ in await asyncio.gather(*held)]

    (status, headers, read), others = asyncio.run(scenario())

    assert status == 429
    assert headers["content-type"] == "application/problem+json"
    assert int(headers["retry-after"]) >= 1
    assert read == 0
    assert set(others) == {200}


def test_answered_requests_make_room() -> None:
    async def scenario() -> list[int]:
        async def handler(request: Request) -> Response:
            await request.body()
            return Response()

        client = Client(handler)
        client.door._clock.now += 1  # type: ignore[attr-defined]
        return [(await client.post(b"image"))[0] for _ in range(5 * NEVER_REFUSED)]

    assert set(asyncio.run(scenario())) == {200}


async def count_in_progress(handler: Handler, *body: bytes) -> int:
    """How many of many requests the door counts, when they are where `handler` leaves them."""
    client = Client(handler)
    held = await hold(client, NEVER_REFUSED, *body)
    count = client.door._counts.total()
    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)
    assert client.door._counts.total() == 0  # whoever leaves is not counted
    return count


def test_who_sends_slowly_takes_nobodys_place() -> None:
    async def handler(request: Request) -> Response:
        async for _ in request.stream():  # of which the end never comes
            pass
        return Response()

    async def read_only_a_part() -> int:
        return await count_in_progress(handler)

    assert asyncio.run(read_only_a_part()) == 0


def test_who_waits_for_an_url_takes_nobodys_place() -> None:
    async def handler(request: Request) -> Response:
        await request.body()
        with outside_wait():
            await asyncio.Event().wait()
        return Response()

    assert asyncio.run(count_in_progress(handler, b"image")) == 0


def test_who_is_being_worked_for_is_counted() -> None:
    async def handler(request: Request) -> Response:
        await request.body()
        with outside_wait():
            await asyncio.sleep(0)
        await asyncio.Event().wait()
        return Response()

    assert asyncio.run(count_in_progress(handler, b"image")) == NEVER_REFUSED


def test_bodies_that_end_together_are_asked_again() -> None:
    async def scenario() -> list[int]:
        ended, answer = asyncio.Event(), asyncio.Event()
        refusals: list[int] = []

        async def handler(request: Request) -> Response:
            await ended.wait()
            try:
                await request.body()
            except Overloaded:
                refusals.append(1)
                return Response(status_code=429)
            await answer.wait()
            return Response()

        client = Client(handler)
        held = await hold(client, NEVER_REFUSED + 5, b"image")
        client.door._clock.now += 1  # type: ignore[attr-defined]
        ended.set()
        for _ in range(20):
            await asyncio.sleep(0)
        answer.set()
        return [status for status, _, _ in await asyncio.gather(*held)]

    statuses = asyncio.run(scenario())

    assert statuses.count(200) == NEVER_REFUSED
    assert statuses.count(429) == 5


@pytest.mark.parametrize("other", [{"path": "/v1/jobs"}, {"headers": {"prefer": "respond-async"}}])
def test_jobs_and_other_routes_pass(other: dict[str, Any]) -> None:
    async def scenario() -> int:
        async def handler(request: Request) -> Response:
            if request.url.path == "/v1/faces" and "prefer" not in request.headers:
                await request.body()
                await asyncio.Event().wait()
            return Response()

        client = Client(handler)
        held = await hold(client, NEVER_REFUSED, b"image")
        client.door._clock.now += 1  # type: ignore[attr-defined]
        status, _, _ = await client.post(b"image", **other)
        for task in held:
            task.cancel()
        return status

    assert asyncio.run(scenario()) == 200


def test_images_and_documents_have_doors_of_their_own() -> None:
    doors = open_doors(OPERATIONS.values(), LimitSettings())

    assert doors["/v1/features"] is doors["/v1/faces"]
    assert doors["/v1/documents"] is not doors["/v1/features"]
    assert set(doors) == {operation.path for operation in OPERATIONS.values()}


def test_a_flood_is_refused_at_once_and_eight_callers_never(jpeg: Jpeg) -> None:
    image = jpeg("astronaut")
    with serving(max_wait_seconds="0.000001") as service:

        def ask(number: int) -> Any:
            return service.http.post("/v1/faces", files={"file": image})

        with ThreadPoolExecutor(64) as many:
            flood = list(many.map(ask, range(64)))
        with ThreadPoolExecutor(8) as few:
            patient = list(few.map(ask, range(32)))

    refused = [reply for reply in flood if reply.status_code != 200]
    assert refused
    assert {reply.status_code for reply in refused} == {429}
    assert {problem_code(reply) for reply in refused} == {"overloaded"}
    assert all(int(reply.headers["retry-after"]) >= 1 for reply in refused)
    assert {reply.status_code for reply in patient} == {200}
