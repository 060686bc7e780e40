"""`kernelsight worker`: takes jobs from the queue."""

import asyncio
import signal
from typing import Annotated

import typer

from models.waiting import PRIORITIES, Priority
from service.choices import announce, choose_all
from service.composition import open_catalog, open_house, open_store
from service.logs import configure
from service.metrics import Metrics
from service.settings import Settings, load_settings
from service.work.jobs import open_jobs
from service.work.worker import Worker


def worker(
    concurrency: Annotated[
        int | None, typer.Option(help="Jobs in flight; KERNELSIGHT_WORKER_CONCURRENCY, or 8.", min=1)
    ] = None,
    queues: Annotated[str, typer.Option(help="Only jobs of these priorities, comma-separated.")] = ",".join(PRIORITIES),
) -> None:
    """Take jobs from the queue until SIGTERM or Ctrl-C; then finish what is in flight."""
    configure("INFO")
    names: list[Priority] = [name for name in PRIORITIES if name in queues.split(",")]
    if not names or set(queues.split(",")) - set(names):
        raise typer.BadParameter(f"choose of {', '.join(PRIORITIES)}", param_hint="--queues")
    settings = load_settings()
    if concurrency is not None:
        settings = settings.model_copy(update={"worker_concurrency": concurrency})
    announce(choose_all(settings, open_catalog(settings), open_store(settings)))
    asyncio.run(_work(settings, names))


async def _work(settings: Settings, queues: list[Priority]) -> None:
    async with open_jobs(settings, queues) as jobs, open_house(settings, Metrics()) as house:
        worker = Worker(house, jobs)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, worker.stop)
        print(f"KernelSight takes jobs ({', '.join(queues)}) from {jobs.queue.server.connection.name}", flush=True)
        await worker.run()
