"""The server ends what is too slow, too large or too much, and says so where the client can still be told."""

import asyncio

import pytest

from tests.service.http.guarded_server import GET, POST, Served, with_server


def test_a_silent_connection_is_closed_after_the_header_deadline() -> None:
    async def test(served: Served) -> None:
        client = await served.connect()
        await served.settle(1)
        served.pass_seconds(9)
        await served.settle(1)
        served.pass_seconds(11)

        assert await client.is_closed()
        assert served.metric("kernelsight_connections_ended_total", reason="silent") == 1

    with_server(test)


@pytest.mark.parametrize("begun", [b"G", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: a", POST])
def test_headers_have_a_deadline_however_they_trickle(begun: bytes) -> None:
    async def test(served: Served) -> None:
        client = await served.connect()
        client.send(begun)
        await served.settle(1)
        served.pass_seconds(11)

        assert await client.read_problem() == (408, "request-too-slow")
        assert await client.is_closed()

    with_server(test)


def test_line_breaks_between_requests_do_not_hold_a_connection() -> None:
    async def test(served: Served) -> None:
        client = await served.connect()
        client.send(POST + b"Content-Length: 2\r\n\r\nab")
        assert await client.read_answer() == (200, 2)
        client.send(b"\r\n")
        await served.settle(1)
        served.pass_seconds(11)

        assert await client.is_closed()

    with_server(test)


def test_a_body_below_the_least_rate_is_refused() -> None:
    async def test(served: Served) -> None:
        client = await served.connect()
        client.send(POST + b"Content-Length: 1000000\r\n\r\n" + bytes(40_000))
        await served.settle(1)
        served.pass_seconds(11)

        assert await client.read_problem() == (408, "request-too-slow")
        assert served.metric("kernelsight_connections_ended_total", reason="slow-body") == 1
        assert served.metric("kernelsight_rejects_total", problem="request-too-slow") == 1

    with_server(test)


def test_a_body_above_the_least_rate_goes_on_until_its_deadline() -> None:
    async def test(served: Served) -> None:
        client = await served.connect()
        client.send(POST + b"Content-Length: 1000000\r\n\r\n" + bytes(50_000))
        await served.settle(1)
        served.pass_seconds(11)
        client.send(bytes(950_000))
        assert await client.read_answer() == (200, 1_000_000)

        client.send(POST + b"Content-Length: 1000000\r\n\r\n" + bytes(50_000))
        await served.settle(1)
        served.pass_seconds(601)
        assert await client.read_problem() == (408, "request-too-slow")

    with_server(test)


def test_an_answer_may_take_its_time() -> None:
    async def test(served: Served) -> None:
        client = await served.connect()
        client.send(GET)
        await served.settle(1)
        served.pass_seconds(10_000)
        served.app.state.released.set()

        assert await client.read_answer() == (200, "slow")

    with_server(test)


def test_a_body_that_we_have_not_asked_for_is_not_late() -> None:
    async def test(served: Served) -> None:
        client = await served.connect()
        client.send(b"POST /patient HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        await served.settle(1)
        served.pass_seconds(601)
        served.app.state.released.set()

        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"ab")
        assert await client.read_answer() == (200, 2)

    with_server(test)


def test_a_body_that_goes_on_after_the_answer_has_the_deadlines_too() -> None:
    async def test(served: Served) -> None:
        client = await served.connect()
        client.send(b"POST /early HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nab")
        assert await client.read_answer() == (200, "I need no body")
        client.send(b"cd")
        await served.settle(1)
        served.pass_seconds(11)

        assert await client.is_closed()

    with_server(test)


@pytest.mark.parametrize("begun", [POST + b"Content-Length: 4\r\n\r\nab", POST[:20]], ids=["body", "headers"])
def test_the_end_of_a_body_is_not_counted_for_the_next_request(begun: bytes) -> None:
    async def test(served: Served) -> None:
        client = await served.connect()
        client.send(b"POST /early HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100002\r\n\r\nab")
        assert await client.read_answer() == (200, "I need no body")
        client.send(bytes(100_000) + begun)
        await served.settle(1)
        client.send((POST + b"Content-Length: 4\r\n\r\nabcd")[len(begun) :])

        assert await client.read_answer() == (200, 4)

    with_server(test)


def test_a_client_that_does_not_read_its_answer_is_closed() -> None:
    async def test(served: Served) -> None:
        client = await served.connect()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        client.send(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await served.settle(1)
        served.pass_seconds(0)
        served.pass_seconds(11)
        await served.settle(0)

        assert served.metric("kernelsight_connections_ended_total", reason="slow-reader") == 1

    with_server(test)


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414, "url-too-long"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Large: " + b"a" * 33_000 + b"\r\n\r\n", 431, "headers-too-large"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"a: b\r\n" * 1_000 + b"\r\n", 431, "headers-too-large"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"a: b\r\n" * 900 + b"\r\n", 404, "not-found"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "request-malformed"),
    ],
)
def test_what_is_too_large_or_no_http_is_a_problem(request_bytes: bytes, status: int, code: str) -> None:
    async def test(served: Served) -> None:
        client = await served.connect()
        client.send(request_bytes)

        assert await client.read_problem() == (status, code)

    with_server(test)


@pytest.mark.parametrize(
    ("begun", "status", "code"),
    [(b"GET /", 414, "url-too-long"), (b"GET / HTTP/1.1\r\nX-Endless: ", 431, "headers-too-large"),
     (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: ", 431, "headers-too-large"),
     (POST + b"Transfer-Encoding: chunked\r\n\r\n1;extension=", 431, "headers-too-large")],
)  # fmt: skip
def test_what_never_ends_is_refused_before_it_is_complete(begun: bytes, status: int, code: str) -> None:
    async def test(served: Served) -> None:
        client = await served.connect()
        client.send(begun)
        for _ in range(20):
            await asyncio.sleep(0.01)
            client.send(b"a" * 4_000)

        assert await client.read_problem() == (status, code)

    with_server(test)


def test_a_body_of_tiny_chunks_is_read() -> None:
    async def test(served: Served) -> None:
        client = await served.connect()
        client.send(POST + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(20):
            await asyncio.sleep(0.001)
            client.send(b"1\r\na\r\n" * 5_000)
        client.send(b"0\r\n\r\n")

        assert await client.read_answer() == (200, 100_000)

    with_server(test)


def test_requests_beyond_the_limit_are_told_so_and_the_others_answered() -> None:
    async def test(served: Served) -> None:
        clients = [await served.connect() for _ in range(32)]
        for client in clients:
            client.send(GET)
        refused, _ = await asyncio.wait([asyncio.ensure_future(client.read_problem()) for client in clients[30:]])
        served.app.state.released.set()

        assert [one.result() for one in refused] == [(503, "too-many-connections")] * 2
        assert [await client.read_answer() for client in clients[:30]] == [(200, "slow")] * 30

    with_server(test)


def test_silent_connections_keep_nobody_out() -> None:
    async def test(served: Served) -> None:
        silent = [await served.connect() for _ in range(100)]
        ordinary = await served.connect()
        ordinary.send(POST + b"Content-Length: 2\r\n\r\nab")

        assert await ordinary.read_answer() == (200, 2)
        assert len(served.server.server_state.connections) <= 32
        assert await silent[0].is_closed()

    with_server(test)


def test_requests_that_wait_on_one_connection_are_limited() -> None:
    async def test(served: Served) -> None:
        client = await served.connect()
        client.send(GET * 18)

        assert await client.is_closed()

    with_server(test)


def test_a_few_requests_that_wait_on_one_connection_are_answered() -> None:
    async def test(served: Served) -> None:
        client = await served.connect()
        client.send(GET * 10)
        served.app.state.released.set()

        assert [await client.read_answer() for _ in range(10)] == [(200, "slow")] * 10

    with_server(test)


def test_every_refusal_has_the_headers_for_browsers() -> None:
    async def test(served: Served) -> None:
        client = await served.connect()
        client.send(b"no HTTP\r\n\r\n")
        head = (await client.reader.readuntil(b"\r\n\r\n")).decode()

        assert "x-content-type-options: nosniff" in head
        assert "connection: close" in head
        assert "application/problem+json" in head

    with_server(test)
