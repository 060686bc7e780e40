"""A queue on a real server with real worker processes, and the log in which they note what they do."""

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
from service.queue.connection import QueueConnection
from service.queue.embedded import EmbeddedServer
from service.queue.errors import QueueUnavailable
from service.queue.scripts import ScriptRunner
from service.queue.types import JobStatus, NewJob

LEASE_SECONDS = 1.0
WAIT_SECONDS = 60.0

T = TypeVar("T")


@dataclass
class QueueProcesses:
    folder: Path
    server: EmbeddedServer
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_worker(self, concurrency: int = 64) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.crash.worker", self.server.url, str(self.log), str(LEASE_SECONDS)]
        worker = subprocess.Popen([*command, str(concurrency)], stdout=subprocess.PIPE)
        self.workers.append(worker)
        assert worker.stdout is not None
        worker.stdout.readline()  # it is ready: two workers that are started together share the jobs
        worker.stdout.close()
        return worker

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def log_lines(self) -> list[tuple[str, str, str]]:
        """(event, priority, job id) of each line."""
        text = self.log.read_text() if self.log.exists() else ""
        return [(event, priority, id) for event, priority, id in (line.split() for line in text.splitlines())]

    def count_events(self, event: str) -> Counter[str]:
        return Counter(id for logged, _, id in self.log_lines() if logged == event)

    @property
    def server_pid(self) -> int:
        return int((self.folder / "queue" / "pid").read_text())

    @asynccontextmanager
    async def queue(self) -> AsyncIterator[JobQueue]:
        connection = QueueConnection(self.server.url)
        try:
            yield JobQueue(ScriptRunner(connection), depth=100_000)
        finally:
            await connection.close()

    def enqueue(self, jobs: Sequence[NewJob]) -> list[str]:
        async def enqueue() -> list[str]:
            async with self.queue() as queue:
                return [status.id for status in await queue.enqueue_many(jobs)]

        return asyncio.run(enqueue())

    def statuses(self, ids: Sequence[str]) -> list[JobStatus | None]:
        async def read() -> list[JobStatus | None]:
            async with self.queue() as queue:
                return await queue.statuses(ids)

        return asyncio.run(read())

    def states_when_final(self, ids: Sequence[str]) -> Counter[str]:
        """How many jobs ended in which state; "lost" are those that the queue does not know."""

        def read_states() -> Counter[str] | None:
            try:
                statuses = self.statuses(ids)
            except QueueUnavailable:
                return None
            if not all(status is None or status.is_final for status in statuses):
                return None
            return Counter(status.state if status else "lost" for status in statuses)

        return wait_until(read_states)

    @contextmanager
    def pause_workers(self) -> Iterator[None]:
        """Workers are paused during the block, and then all start at once."""
        for worker in self.workers:
            worker.send_signal(signal.SIGSTOP)
        yield
        for worker in self.workers:
            worker.send_signal(signal.SIGCONT)

    def results(self, ids: Sequence[str]) -> set[bytes]:
        async def read() -> set[bytes]:
            async with self.queue() as queue, queue.scripts.connection.command() as client:
                pipe = client.pipeline(transaction=False)
                for id in ids:
                    pipe.hget(queue.scripts.key("job", id), "body")
                return set(await pipe.execute())

        return asyncio.run(read())

    def count_remaining(self) -> list[int]:
        """Per priority: stream entries, and jobs that wait for their next attempt."""

        async def read() -> list[int]:
            async with self.queue() as queue:
                depths = (await queue.depths()).values()
            return [depth.waiting + depth.running + depth.delayed for depth in depths]

        return asyncio.run(read())

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self.server.stop()


def wait_until(condition: Callable[[], T | None]) -> T:
    """The first result of `condition` that is neither None nor False."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (found := condition()) is None or found is False:
        if time.monotonic() > deadline:
            raise AssertionError(f"nothing after {WAIT_SECONDS:.0f} s")
        time.sleep(0.05)
    return found
