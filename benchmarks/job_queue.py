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
from tests.crash.processes import LEASE_SECONDS, Workplace, until

JOBS = 2_000
SLOTS = 64
HERTZ = os.sysconf("SC_CLK_TCK")


@contextmanager
def workplace() -> Iterator[Workplace]:
    folder = Path(tempfile.mkdtemp())
    place = Workplace(folder, EmbeddedServer(folder / "queue"))
    place.server.start()
    try:
        yield place
    finally:
        place.close()
        shutil.rmtree(folder)


def jobs(count: int, seconds: float = 0.0) -> list[NewJob]:
    return [NewJob({"n": n, "seconds": seconds}, "batch") for n in range(count)]


def done(place: Workplace, count: int) -> bool:
    return place.log.exists() and place.log.read_bytes().count(b"done ") >= count


def crash(place: Workplace, workers: int = 1, server: bool = False) -> str:
    """At half, the first of the workers is killed, or the server; what then is nobody's is replaced."""
    victim, *_ = [place.worker() for _ in range(workers)]
    with place.held():
        ids = place.put(jobs(JOBS, seconds=0.05))
    start = time.monotonic()
    until(lambda: done(place, JOBS // 2))
    if server:
        os.kill(place.server_process, signal.SIGKILL)
        place.server.revive()
    else:
        victim.kill()
        if workers == 1:
            place.worker()
    lost = len(ids) - place.states_when_final(ids)["done"]
    seconds = time.monotonic() - start
    started, ran, written = (
        sum(count > 1 for count in place.counts(what).values()) for what in ("start", "end", "done")
    )
    return f"{lost} / {started} / {ran} / {written} / {seconds:.1f} s"


def long_jobs(place: Workplace) -> str:
    ids = place.put(jobs(8, seconds=3 * LEASE_SECONDS))
    for _ in range(2):
        place.worker(concurrency=4)
    place.states_when_final(ids)
    return f"{place.counts('start').total()} runs"


def poison(place: Workplace) -> str:
    ids = place.put([NewJob({"kill": True})])
    for _ in range(3):
        place.worker().wait()
    place.worker()
    [state] = place.states_when_final(ids)
    return f"{place.counts('start').total()} runs, {state}"


def speed(place: Workplace, count: int, seconds: float = 0.0) -> str:
    """Of a worker that runs already, and is stopped while the jobs come in."""
    worker = place.worker()
    place.states_when_final(place.put(jobs(1)))
    with place.held():
        place.put(jobs(count, seconds))
        cpu, start = cpu_seconds(worker.pid), time.monotonic()
    until(lambda: done(place, count // 2))
    sockets = connections(place)
    until(lambda: done(place, count + 1))
    rate = count / (time.monotonic() - start)
    cpu = (cpu_seconds(worker.pid) - cpu) / count * JOBS
    return f"{rate:,.0f} jobs/s, {cpu:.2f} s CPU per {JOBS:,}, {sockets} connections, {sum(place.left())} entries left"


def speed_in_memory(place: Workplace) -> str:
    async def forget() -> None:
        async with place.queue() as queue, queue.server.connection.command() as client:
            await client.config_set("appendonly", "no")

    asyncio.run(forget())
    return speed(place, 10_000)


def enqueue(place: Workplace) -> str:
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


def drain(place: Workplace) -> str:
    ids = place.put(jobs(JOBS, seconds=0.02))
    leaving = place.worker()
    until(lambda: done(place, JOBS // 4))
    start = time.monotonic()
    leaving.terminate()
    leaving.wait()
    seconds = time.monotonic() - start
    interrupted = place.counts("start").total() - place.counts("end").total()
    place.worker()
    lost = len(ids) - place.states_when_final(ids)["done"]
    return f"{interrupted} / {seconds:.1f} s / {lost}"


def overtaking(place: Workplace) -> str:
    place.put(jobs(10_000, seconds=0.02))
    place.worker()
    until(lambda: done(place, 100))
    before = place.counts("done").total()
    late = place.put([NewJob({"seconds": 0.02}) for _ in range(30)])
    until(lambda: set(late) <= set(place.counts("done")))
    order = [id for what, _, id in place.lines() if what == "done"]
    ends = [number for number, id in enumerate(order) if id in set(late)]
    return f"{before} → {ends[0]}-{ends[-1]}"


ROWS: dict[str, Callable[[Workplace], str]] = {
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


def connections(place: Workplace) -> int:
    async def ask() -> int:
        async with place.queue() as queue, queue.server.connection.command() as client:
            return len(await client.client_list()) - 1

    return asyncio.run(ask())


def main() -> None:
    print("| | |\n| --- | --- |")
    for name, measure in ROWS.items():
        with workplace() as place:
            print(f"| {name} | {measure(place)} |", flush=True)


if __name__ == "__main__":
    main()
