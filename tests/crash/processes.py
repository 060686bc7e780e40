"""A queue in a real server, real workers, and what they wrote of their work."""

import asyncio
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from service.queue.client import JobQueue
from service.queue.connection import Connection
from service.queue.embedded import EmbeddedServer
from service.queue.errors import QueueUnavailable
from service.queue.scripts import Server
from service.queue.types import JobStatus, NewJob

LEASE_SECONDS = 1.0
WAIT_SECONDS = 60.0

T = TypeVar("T")


@dataclass
class Workplace:
    folder: Path
    server: EmbeddedServer
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def worker(self, concurrency: int = 64) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.crash.worker", self.server.url, str(self.log), str(LEASE_SECONDS)]
        worker = subprocess.Popen([*command, str(concurrency)], stdout=subprocess.PIPE)
        self.workers.append(worker)
        assert worker.stdout is not None
        worker.stdout.readline()  # it is ready, and two that were started together share the work
        worker.stdout.close()
        return worker

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def lines(self) -> list[tuple[str, str, str]]:
        """What happened, priority, id."""
        text = self.log.read_text() if self.log.exists() else ""
        return [(what, priority, id) for what, priority, id in (line.split() for line in text.splitlines())]

    def counts(self, what: str) -> Counter[str]:
        return Counter(id for happened, _, id in self.lines() if happened == what)

    @property
    def server_process(self) -> int:
        return int((self.folder / "queue" / "pid").read_text())

    @asynccontextmanager
    async def queue(self) -> AsyncIterator[JobQueue]:
        connection = Connection(self.server.url)
        try:
            yield JobQueue(Server(connection), depth=100_000)
        finally:
            await connection.close()

    def put(self, jobs: Sequence[NewJob]) -> list[str]:
        async def enqueue() -> list[str]:
            async with self.queue() as queue:
                return [status.id for status in await queue.enqueue_many(jobs)]

        return asyncio.run(enqueue())

    def statuses(self, ids: Sequence[str]) -> list[JobStatus | None]:
        async def ask() -> list[JobStatus | None]:
            async with self.queue() as queue:
                return await queue.statuses(ids)

        return asyncio.run(ask())

    def states_when_final(self, ids: Sequence[str]) -> Counter[str]:
        """How many jobs came to which end; "lost" are those that the queue does not know."""

        def found() -> Counter[str] | None:
            try:
                statuses = self.statuses(ids)
            except QueueUnavailable:
                return None
            if not all(status is None or status.is_final for status in statuses):
                return None
            return Counter(status.state if status else "lost" for status in statuses)

        return until(found)

    @contextmanager
    def held(self) -> Iterator[None]:
        """The workers stand still meanwhile, and begin all at once with what is there then."""
        for worker in self.workers:
            worker.send_signal(signal.SIGSTOP)
        yield
        for worker in self.workers:
            worker.send_signal(signal.SIGCONT)

    def results(self, ids: Sequence[str]) -> set[bytes]:
        async def ask() -> set[bytes]:
            async with self.queue() as queue, queue.server.connection.command() as client:
                many = client.pipeline(transaction=False)
                for id in ids:
                    many.hget(queue.server.key("job", id), "body")
                return set(await many.execute())

        return asyncio.run(ask())

    def left(self) -> list[int]:
        """Entries in the streams, and jobs that wait for their next attempt."""

        async def ask() -> list[int]:
            async with self.queue() as queue:
                depths = (await queue.depths()).values()
            return [depth.waiting + depth.running + depth.delayed for depth in depths]

        return asyncio.run(ask())

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self.server.stop()


def until(look: Callable[[], T | None]) -> T:
    """What `look` finds, as soon as it does."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (found := look()) is None or found is False:
        if time.monotonic() > deadline:
            raise AssertionError(f"nothing after {WAIT_SECONDS:.0f} s")
        time.sleep(0.05)
    return found
