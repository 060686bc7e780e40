"""A worker of its own process: `python -m tests.crash.worker URL LOG LEASE_SECONDS [CONCURRENCY]`.

A job's work says what to do: {"seconds": s} takes so long, {"kill": true} kills the process, {"hangs_once": true} does
not end at the first attempt. LOG gets a line for each start, end and outcome: what happened, priority, id. SIGTERM
drains. "ready" on stdout says that it is about to begin.
"""

import asyncio
import os
import signal
import sys

from service.queue.attempt import Report
from service.queue.connection import Connection
from service.queue.consumer import Consumer
from service.queue.leases import JobTerms, Leases
from service.queue.scripts import Server
from service.queue.types import Job, Outcome

GRACE_SECONDS = 0.5


async def main(url: str, log: str, lease_seconds: str, concurrency: str = "64") -> None:
    lines = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(what: str, job: Job) -> None:
        os.write(lines, f"{what} {job.priority} {job.id}\n".encode())  # whole, however many processes append

    async def handle(job: Job, report: Report) -> Outcome:
        note("start", job)
        if job.work.get("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        if job.work.get("hangs_once") and job.attempt == 1:
            await asyncio.Event().wait()
        await asyncio.sleep(job.work.get("seconds", 0))
        note("end", job)
        return Outcome(job.id.encode())

    connection = Connection(url)
    leases = Leases(Server(connection), JobTerms(lease_seconds=float(lease_seconds)))
    consumer = Consumer(
        leases, handle, concurrency=int(concurrency), observe=lambda job, state, seconds: note(state, job)
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, consumer.stop)
    print("ready", flush=True)
    await consumer.run(GRACE_SECONDS)
    await connection.close()


asyncio.run(main(*sys.argv[1:]))
