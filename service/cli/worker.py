"""`kernelsight worker`: takes jobs from the queue."""

import asyncio
import signal
from typing import Annotated

import typer
from prometheus_client import start_http_server

from models.waiting import PRIORITIES, Priority
from service.choices import announce, choose_all
from service.cli.serve import PortUnavailable
from service.composition import open_catalog, open_house, open_store
from service.logs import configure
from service.metrics import Metrics
from service.settings import Settings, load_settings
from service.watching import open_watch
from service.work.jobs import open_jobs
from service.work.metrics import JobMetrics
from service.work.worker import Worker


def worker(
    concurrency: Annotated[
        int | None, typer.Option(help="Jobs in flight; KERNELSIGHT_WORKER_CONCURRENCY, or 8.", min=1)
    ] = None,
    queues: Annotated[str, typer.Option(help="Only jobs of these priorities, comma-separated.")] = ",".join(PRIORITIES),
    metrics_port: Annotated[
        int | None, typer.Option(help="Show Prometheus this worker's metrics at this port.", max=65535)
    ] = None,
    metrics_host: Annotated[
        str, typer.Option(help="The address of that port; there is no key to it, so keep it inside.")
    ] = "127.0.0.1",
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
    asyncio.run(_work(settings, names, None if metrics_port is None else (metrics_host, metrics_port)))


async def _work(settings: Settings, queues: list[Priority], shown_at: tuple[str, int] | None) -> None:
    metrics = Metrics()
    seen = JobMetrics(metrics.registry)
    if shown_at is not None:
        _expose(metrics, *shown_at)
    async with (
        open_jobs(settings, queues) as jobs,
        open_house(settings, metrics) as house,
        open_watch(house),
        seen.watching(jobs),
    ):
        worker = Worker(house, jobs, seen)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, worker.stop)
        print(f"KernelSight takes jobs ({', '.join(queues)}) from {jobs.queue.server.connection.name}", flush=True)
        await worker.run()


def _expose(metrics: Metrics, host: str, port: int) -> None:
    """Raises PortUnavailable."""
    try:
        start_http_server(port, host, registry=metrics.registry)
    except OSError as cause:
        raise PortUnavailable(f"cannot show metrics on {host}:{port}: {cause.strerror or cause}") from cause
