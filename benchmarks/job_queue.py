"""The job queue on this machine: what crashes cost, and how fast it is when jobs cost little or nothing.

    python -m benchmarks.job_queue

Each row has an embedded Valkey of its own with its append-only file, and workers of their own processes.
"""

import asyncio
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from service.queue.embedded import EmbeddedServer
from service.queue.types import NewJob
from tests.crash.processes import LEASE_SECONDS, QueueProcesses, wait_until

JOBS = 2_000
SLOTS = 64
HERTZ = os.sysconf("SC_CLK_TCK")


@contextmanager
def workplace() -> Iterator[QueueProcesses]:
    folder = Path(tempfile.mkdtemp())
    place = QueueProcesses(folder, EmbeddedServer(folder / "queue"))
    place.server.start()
    try:
        yield place
    finally:
        place.close()
        shutil.rmtree(folder)


def jobs(count: int, seconds: float = 0.0) -> list[NewJob]:
    return [NewJob({"n": n, "seconds": seconds}, "batch") for n in range(count)]


def done(place: QueueProcesses, count: int) -> bool:
    return place.log.exists() and place.log.read_bytes().count(b"done ") >= count


def crash(place: QueueProcesses, workers: int = 1, server: bool = False) -> str:
    """At half, the first of the workers is killed, or the server; what then is nobody's is replaced."""
    victim, *_ = [place.start_worker() for _ in range(workers)]
    with place.pause_workers():
        ids = place.enqueue(jobs(JOBS, seconds=0.05))
    start = time.monotonic()
    wait_until(lambda: done(place, JOBS // 2))
    if server:
        os.kill(place.server_pid, signal.SIGKILL)
        place.server.revive()
    else:
        victim.kill()
        if workers == 1:
            place.start_worker()
    lost = len(ids) - place.states_when_final(ids)["done"]
    seconds = time.monotonic() - start
    started, ran, written = (
        sum(count > 1 for count in place.count_events(what).values()) for what in ("start", "end", "done")
    )
    return f"{lost} / {started} / {ran} / {written} / {seconds:.1f} s"


def long_jobs(place: QueueProcesses) -> str:
    ids = place.enqueue(jobs(8, seconds=3 * LEASE_SECONDS))
    for _ in range(2):
        place.start_worker(concurrency=4)
    place.states_when_final(ids)
    return f"{place.count_events('start').total()} runs"


def poison(place: QueueProcesses) -> str:
    ids = place.enqueue([NewJob({"kill": True})])
    for _ in range(3):
        place.start_worker().wait()
    place.start_worker()
    [state] = place.states_when_final(ids)
    return f"{place.count_events('start').total()} runs, {state}"


def speed(place: QueueProcesses, count: int, seconds: float = 0.0) -> str:
    """Of a worker that runs already, and is stopped while the jobs come in."""
    worker = place.start_worker()
    place.states_when_final(place.enqueue(jobs(1)))
    with place.pause_workers():
        place.enqueue(jobs(count, seconds))
        cpu, start = cpu_seconds(worker.pid), time.monotonic()
    wait_until(lambda: done(place, count // 2))
    sockets = connections(place)
    wait_until(lambda: done(place, count + 1))
    rate = count / (time.monotonic() - start)
    cpu = (cpu_seconds(worker.pid) - cpu) / count * JOBS
    remaining = sum(place.count_remaining())
    return f"{rate:,.0f} jobs/s, {cpu:.2f} s CPU per {JOBS:,}, {sockets} connections, {remaining} entries left"


def speed_in_memory(place: QueueProcesses) -> str:
    async def forget() -> None:
        async with place.queue() as queue, queue.scripts.connection.command() as client:
            await client.config_set("appendonly", "no")

    asyncio.run(forget())
    return speed(place, 10_000)


def enqueue(place: QueueProcesses) -> str:
    async def scenario() -> tuple[float, float]:
        async with place.queue() as queue:
            await queue.enqueue_many(jobs(1))
            start = time.monotonic()
            await queue.enqueue_many(jobs(10_000))
            many = 10_000 / (time.monotonic() - start)
            start = time.monotonic()
            await asyncio.gather(*(queue.enqueue(job) for job in jobs(JOBS)))
            return many, JOBS / (time.monotonic() - start)

    many, single = asyncio.run(scenario())
    return f"{many:,.0f} jobs/s by enqueue_many, {single:,.0f} jobs/s one by one, 16 at once"


def drain(place: QueueProcesses) -> str:
    ids = place.enqueue(jobs(JOBS, seconds=0.02))
    leaving = place.start_worker()
    wait_until(lambda: done(place, JOBS // 4))
    start = time.monotonic()
    leaving.terminate()
    leaving.wait()
    seconds = time.monotonic() - start
    interrupted = place.count_events("start").total() - place.count_events("end").total()
    place.start_worker()
    lost = len(ids) - place.states_when_final(ids)["done"]
    return f"{interrupted} / {seconds:.1f} s / {lost}"


def overtaking(place: QueueProcesses) -> str:
    place.enqueue(jobs(10_000, seconds=0.02))
    place.start_worker()
    wait_until(lambda: done(place, 100))
    before = place.count_events("done").total()
    late = place.enqueue([NewJob({"seconds": 0.02}) for _ in range(30)])
    wait_until(lambda: set(late) <= set(place.count_events("done")))
    order = [id for what, _, id in place.log_lines() if what == "done"]
    ends = [number for number, id in enumerate(order) if id in set(late)]
    return f"{before} → {ends[0]}-{ends[-1]}"


ROWS: dict[str, Callable[[QueueProcesses], str]] = {
    "one worker killed and replaced: lost / started twice / run twice / written twice / time": crash,
    "one of two workers killed: the same": lambda place: crash(place, workers=2),
    "the server killed and restarted: the same": lambda place: crash(place, server=True),
    "8 jobs of three times their lease, two workers": long_jobs,
    "a job that kills its worker": poison,
    "jobs of 20 ms, 64 in flight": lambda place: speed(place, JOBS, 0.02),
    "jobs that do nothing": lambda place: speed(place, 10_000),
    "the same without the append-only file": speed_in_memory,
    "enqueue": enqueue,
    "SIGTERM: interrupted / until exit / lost": drain,
    "30 interactive put in after n of 10,000 batch jobs, done as number": overtaking,
}


def cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / HERTZ


def connections(place: QueueProcesses) -> int:
    async def ask() -> int:
        async with place.queue() as queue, queue.scripts.connection.command() as client:
            return len(await client.client_list()) - 1

    return asyncio.run(ask())


def main() -> None:
    print("| | |\n| --- | --- |")
    for name, measure in ROWS.items():
        with workplace() as place:
            print(f"| {name} | {measure(place)} |", flush=True)


if __name__ == "__main__":
    main()
