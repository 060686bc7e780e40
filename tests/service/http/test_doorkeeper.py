"""Overload is refused on the connection, which then serves the next request."""

from collections.abc import Awaitable, Callable

import pytest

from models.errors import Overloaded
from service.http.overload import Door
from tests.service.http.guarded_server import POST, Client, Served, with_server

BODY = b"Content-Length: 5\r\n\r\nimage"


class ClosedDoor(Door):
    """Refuses all until it is opened."""

    def __init__(self) -> None:
        super().__init__(1.0)
        self.is_open = False

    def check(self) -> None:
        if not self.is_open:
            raise Overloaded("the service", 16, 7)


Scenario = Callable[[Served, Client, ClosedDoor], Awaitable[None]]


def check_closed(test: Scenario) -> None:
    door = ClosedDoor()

    async def run(served: Served) -> None:
        await test(served, await served.connect(), door)

    with_server(run, doors={"/length": door})


def test_overload_is_a_problem_with_a_time_to_wait() -> None:
    async def test(served: Served, client: Client, door: ClosedDoor) -> None:
        client.send(POST + b"X-Request-Id: mine\r\n" + BODY)
        head = (await client.reader.readuntil(b"\r\n\r\n")).decode().lower()

        assert head.startswith("http/1.1 429 ")
        assert "retry-after: 7\r\n" in head
        assert "content-type: application/problem+json\r\n" in head
        assert "x-request-id: mine\r\n" in head
        assert "x-content-type-options: nosniff\r\n" in head
        assert "date: " in head

    check_closed(test)


def test_a_refused_request_is_counted_by_its_route() -> None:
    async def test(served: Served, client: Client, door: ClosedDoor) -> None:
        client.send(POST + BODY)
        await client.read_answer()

        assert served.metric("kernelsight_requests_total", route="/length", status="429") == 1
        assert served.metric("kernelsight_rejects_total", problem="overloaded") == 1
        assert served.metric("kernelsight_requests_in_flight") == 0

    check_closed(test)


def test_the_connection_serves_the_next_request() -> None:
    async def test(served: Served, client: Client, door: ClosedDoor) -> None:
        client.send(POST + BODY)
        assert await client.read_problem() == (429, "overloaded")
        door.is_open = True
        client.send(POST + BODY)

        assert await client.read_answer() == (200, 5)

    check_closed(test)


def test_requests_sent_at_once_are_refused_in_turn() -> None:
    async def test(served: Served, client: Client, door: ClosedDoor) -> None:
        client.send((POST + BODY) * 3 + b"POST /early HTTP/1.1\r\nHost: localhost\r\n" + BODY)

        assert [(await client.read_answer())[0] for _ in range(4)] == [429, 429, 429, 200]

    check_closed(test)


def test_the_refused_body_is_read_before_the_next_request() -> None:
    async def test(served: Served, client: Client, door: ClosedDoor) -> None:
        client.send(POST + b"Content-Length: 1000000\r\n\r\n")
        assert await client.read_problem() == (429, "overloaded")
        door.is_open = True
        client.send(bytes(1_000_000) + POST + BODY)

        assert await client.read_answer() == (200, 5)

    check_closed(test)


@pytest.mark.parametrize(("seconds", "reason"), [(11, "slow-body"), (601, "slow-body")])
def test_a_refused_body_has_the_deadlines_too(seconds: float, reason: str) -> None:
    async def test(served: Served, client: Client, door: ClosedDoor) -> None:
        client.send(POST + b"Content-Length: 1000000\r\n\r\n")
        await client.read_answer()
        client.send(b"im")
        await served.settle(1)
        served.pass_seconds(seconds)

        assert await client.is_closed()
        assert served.metric("kernelsight_connections_ended_total", reason=reason) == 1

    check_closed(test)


def test_the_connection_waits_no_longer_than_others() -> None:
    async def test(served: Served, client: Client, door: ClosedDoor) -> None:
        client.send(POST + BODY)
        await client.read_answer()
        await served.settle(1)
        [connection] = served.server.server_state.connections

        assert connection.timeout_keep_alive_task is not None  # type: ignore[union-attr]

    check_closed(test)


@pytest.mark.parametrize(
    "header", [b"Origin: https://chat.example", b"Prefer: respond-async", b"Connection: close", b"Expect: 100-continue"]
)
def test_what_needs_more_than_a_refusal_goes_on_to_the_application(header: bytes) -> None:
    async def test(served: Served, client: Client, door: ClosedDoor) -> None:
        client.send(POST + header + b"\r\n" + BODY)
        if header.startswith(b"Expect"):
            await client.reader.readuntil(b"100 Continue\r\n\r\n")

        assert await client.read_answer() == (200, 5)

    check_closed(test)
