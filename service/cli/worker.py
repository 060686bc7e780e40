"""`kernelsight worker`: takes jobs from the queue."""

import asyncio
import signal
from typing import Annotated

import typer
from prometheus_client import start_http_server

from models.priority import PRIORITIES, Priority
from service.cli.serve import PortUnavailable
from service.components import open_catalog, open_components, open_store
from service.model_selection import log_selections, select_models
from service.monitoring.monitors import open_monitors
from service.settings import Settings, load_settings
from service.telemetry.logs import configure_service_logging
from service.telemetry.metrics import Metrics
from service.telemetry.tracing import Tracing, open_tracing
from service.worker.job_services import open_job_services
from service.worker.metrics import JobMetrics
from service.worker.worker import Worker


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
    names: list[Priority] = [name for name in PRIORITIES if name in queues.split(",")]
    if not names or set(queues.split(",")) - set(names):
        raise typer.BadParameter(f"choose of {', '.join(PRIORITIES)}", param_hint="--queues")
    settings = load_settings()
    if concurrency is not None:
        worker = settings.worker.model_copy(update={"worker_concurrency": concurrency})
        settings = settings.model_copy(update={"worker": worker})
    configure_service_logging(settings)
    log_selections(select_models(settings, open_catalog(settings), open_store(settings)))
    shown_at = None if metrics_port is None else (metrics_host, metrics_port)
    tracing = open_tracing(settings, "worker")
    try:
        asyncio.run(_work(settings, names, shown_at, tracing))
    finally:
        tracing.close()


async def _work(settings: Settings, queues: list[Priority], shown_at: tuple[str, int] | None, tracing: Tracing) -> None:
    metrics = Metrics()
    seen = JobMetrics(metrics.registry)
    if shown_at is not None:
        _expose(metrics, *shown_at)
    async with (
        open_job_services(settings, queues) as jobs,
        open_components(settings, metrics) as components,
        open_monitors(components),
        seen.updating(jobs),
    ):
        worker = Worker(components, jobs, seen, tracing)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, worker.stop)
        print(f"KernelSight takes jobs ({', '.join(queues)}) from {jobs.queue.scripts.connection.name}", flush=True)
        await worker.run()


def _expose(metrics: Metrics, host: str, port: int) -> None:
    """Raises PortUnavailable."""
    try:
        start_http_server(port, host, registry=metrics.registry)
    except OSError as cause:
        raise PortUnavailable(f"cannot show metrics on {host}:{port}: {cause.strerror or cause}") from cause
