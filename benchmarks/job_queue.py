"""Measures the job queue: what crashes of workers and of the server cost, and its speed with short jobs.

    python -m benchmarks.job_queue

Each row has an embedded Valkey of its own with its append-only file, and workers in processes of their own.
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
def open_queue_processes() -> Iterator[QueueProcesses]:
    folder = Path(tempfile.mkdtemp())
    processes = QueueProcesses(folder, EmbeddedServer(folder / "queue"))
    processes.server.start()
    try:
        yield processes
    finally:
        processes.close()
        shutil.rmtree(folder)


def make_jobs(count: int, seconds: float = 0.0) -> list[NewJob]:
    return [NewJob({"n": n, "seconds": seconds}, "batch") for n in range(count)]


def is_done(processes: QueueProcesses, count: int) -> bool:
    return processes.log.exists() and processes.log.read_bytes().count(b"done ") >= count


def measure_crash(processes: QueueProcesses, workers: int = 1, server: bool = False) -> str:
    """When half of the jobs are done, kill the first worker, or the server; replace it where no other is left."""
    victim, *_ = [processes.start_worker() for _ in range(workers)]
    with processes.pause_workers():
        ids = processes.enqueue(make_jobs(JOBS, seconds=0.05))
    start = time.monotonic()
    wait_until(lambda: is_done(processes, JOBS // 2))
    if server:
        os.kill(processes.server_pid, signal.SIGKILL)
        processes.server.revive()
    else:
        victim.kill()
        if workers == 1:
            processes.start_worker()
    lost = len(ids) - processes.states_when_final(ids)["done"]
    seconds = time.monotonic() - start
    started, ran, written = (
        sum(count > 1 for count in processes.count_events(what).values()) for what in ("start", "end", "done")
    )
    return f"{lost} / {started} / {ran} / {written} / {seconds:.1f} s"


def measure_long_jobs(processes: QueueProcesses) -> str:
    ids = processes.enqueue(make_jobs(8, seconds=3 * LEASE_SECONDS))
    for _ in range(2):
        processes.start_worker(concurrency=4)
    processes.states_when_final(ids)
    return f"{processes.count_events('start').total()} runs"


def measure_poisonous_job(processes: QueueProcesses) -> str:
    ids = processes.enqueue([NewJob({"kill": True})])
    for _ in range(3):
        processes.start_worker().wait()
    processes.start_worker()
    [state] = processes.states_when_final(ids)
    return f"{processes.count_events('start').total()} runs, {state}"


def measure_speed(processes: QueueProcesses, count: int, seconds: float = 0.0) -> str:
    """Of a running worker, which is stopped while the jobs are enqueued."""
    worker = processes.start_worker()
    processes.states_when_final(processes.enqueue(make_jobs(1)))
    with processes.pause_workers():
        processes.enqueue(make_jobs(count, seconds))
        cpu, start = read_cpu_seconds(worker.pid), time.monotonic()
    wait_until(lambda: is_done(processes, count // 2))
    sockets = count_connections(processes)
    wait_until(lambda: is_done(processes, count + 1))
    rate = count / (time.monotonic() - start)
    cpu = (read_cpu_seconds(worker.pid) - cpu) / count * JOBS
    remaining = sum(processes.count_remaining())
    return f"{rate:,.0f} jobs/s, {cpu:.2f} s CPU per {JOBS:,}, {sockets} connections, {remaining} entries left"


def measure_speed_in_memory(processes: QueueProcesses) -> str:
    async def turn_off_append_only_file() -> None:
        async with processes.queue() as queue, queue.scripts.connection.command() as client:
            await client.config_set("appendonly", "no")

    asyncio.run(turn_off_append_only_file())
    return measure_speed(processes, 10_000)


def measure_enqueue(processes: QueueProcesses) -> str:
    async def enqueue() -> tuple[float, float]:
        async with processes.queue() as queue:
            await queue.enqueue_many(make_jobs(1))
            start = time.monotonic()
            await queue.enqueue_many(make_jobs(10_000))
            many = 10_000 / (time.monotonic() - start)
            start = time.monotonic()
            await asyncio.gather(*(queue.enqueue(job) for job in make_jobs(JOBS)))
            return many, JOBS / (time.monotonic() - start)

    many, single = asyncio.run(enqueue())
    return f"{many:,.0f} jobs/s by enqueue_many, {single:,.0f} jobs/s one by one, 16 at once"


def measure_drain(processes: QueueProcesses) -> str:
    ids = processes.enqueue(make_jobs(JOBS, seconds=0.02))
    leaving = processes.start_worker()
    wait_until(lambda: is_done(processes, JOBS // 4))
    start = time.monotonic()
    leaving.terminate()
    leaving.wait()
    seconds = time.monotonic() - start
    interrupted = processes.count_events("start").total() - processes.count_events("end").total()
    processes.start_worker()
    lost = len(ids) - processes.states_when_final(ids)["done"]
    return f"{interrupted} / {seconds:.1f} s / {lost}"


def measure_overtaking(processes: QueueProcesses) -> str:
    processes.enqueue(make_jobs(10_000, seconds=0.02))
    processes.start_worker()
    wait_until(lambda: is_done(processes, 100))
    before = processes.count_events("done").total()
    late = processes.enqueue([NewJob({"seconds": 0.02}) for _ in range(30)])
    wait_until(lambda: set(late) <= set(processes.count_events("done")))
    order = [id for what, _, id in processes.log_lines() if what == "done"]
    ends = [number for number, id in enumerate(order) if id in set(late)]
    return f"{before} → {ends[0]}-{ends[-1]}"


ROWS: dict[str, Callable[[QueueProcesses], str]] = {
    "one worker killed and replaced: lost / started twice / run twice / written twice / time": measure_crash,
    "one of two workers killed: the same": lambda processes: measure_crash(processes, workers=2),
    "the server killed and restarted: the same": lambda processes: measure_crash(processes, server=True),
    "8 jobs of three times their lease, two workers": measure_long_jobs,
    "a job that kills its worker": measure_poisonous_job,
    "jobs of 20 ms, 64 in flight": lambda processes: measure_speed(processes, JOBS, 0.02),
    "jobs that do nothing": lambda processes: measure_speed(processes, 10_000),
    "the same without the append-only file": measure_speed_in_memory,
    "enqueue": measure_enqueue,
    "SIGTERM: interrupted / until exit / lost": measure_drain,
    "30 interactive put in after n of 10,000 batch jobs, done as number": measure_overtaking,
}


def read_cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / HERTZ


def count_connections(processes: QueueProcesses) -> int:
    async def count() -> int:
        async with processes.queue() as queue, queue.scripts.connection.command() as client:
            return len(await client.client_list()) - 1

    return asyncio.run(count())


def main() -> None:
    print("| | |\n| --- | --- |")
    for name, measure in ROWS.items():
        with open_queue_processes() as processes:
            print(f"| {name} | {measure(processes)} |", flush=True)


if __name__ == "__main__":
    main()
