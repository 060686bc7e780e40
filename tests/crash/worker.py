"""A worker in a process of its own: `python -m tests.crash.worker URL LOG LEASE_SECONDS [CONCURRENCY]`.

A job's work says what to do: {"seconds": s} takes so long, {"kill": true} kills the process, {"hangs_once": true} hangs
at the first attempt. LOG gets a line for each start, end and outcome: event, priority, id. SIGTERM drains. The worker
prints "ready" when it is about to begin.
"""

import asyncio
import os
import signal
import sys

from service.queue.attempt import ReportProgress
from service.queue.connection import QueueConnection
from service.queue.consumer import Consumer
from service.queue.leases import JobTerms, Leases
from service.queue.scripts import ScriptRunner
from service.queue.types import JobResult, QueuedJob

GRACE_SECONDS = 0.5


async def main(url: str, log: str, lease_seconds: str, concurrency: str = "64") -> None:
    lines = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(event: str, job: QueuedJob) -> None:
        os.write(
            lines, f"{event} {job.priority} {job.id}\n".encode()
        )  # one write is atomic, however many processes append

    async def handle(job: QueuedJob, report: ReportProgress) -> JobResult:
        note("start", job)
        if job.work.get("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        if job.work.get("hangs_once") and job.attempt == 1:
            await asyncio.Event().wait()
        await asyncio.sleep(job.work.get("seconds", 0))
        note("end", job)
        return JobResult(job.id.encode())

    connection = QueueConnection(url)
    leases = Leases(ScriptRunner(connection), JobTerms(lease_seconds=float(lease_seconds)))
    consumer = Consumer(
        leases, handle, concurrency=int(concurrency), on_finished=lambda job, state, seconds: note(state, job)
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, consumer.stop)
    print("ready", flush=True)
    await consumer.run(GRACE_SECONDS)
    await connection.close()


asyncio.run(main(*sys.argv[1:]))
