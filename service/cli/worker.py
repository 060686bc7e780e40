"""`kernelsight worker`: runs jobs from the queue in a process of its own."""

import asyncio
import signal
import socket
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from models.priority import PRIORITIES, Priority
from service.cli.errors import PortUnavailable

if TYPE_CHECKING:
    from service.settings import Settings
    from service.telemetry.metrics import Metrics
    from service.telemetry.tracing import Tracing


def worker(
    concurrency: Annotated[
        int | None, typer.Option(help="Jobs in flight; KERNELSIGHT_WORKER_CONCURRENCY, or 8.", min=1)
    ] = None,
    queues: Annotated[str, typer.Option(help="Only jobs of these priorities, comma-separated.")] = ",".join(PRIORITIES),
    metrics_port: Annotated[
        int | None, typer.Option(help="Show Prometheus this worker's metrics at this port.", max=65535)
    ] = None,
    metrics_host: Annotated[
        str, typer.Option(help="The address of that port; it takes no key, so keep it in your own network.")
    ] = "127.0.0.1",
) -> None:
    """Take jobs from the queue until SIGTERM or Ctrl-C; then finish what is in flight."""
    from service.components import open_catalog, open_store
    from service.model_selection import log_selections, select_models
    from service.settings import load_settings
    from service.telemetry.logs import configure_service_logging
    from service.telemetry.tracing import open_tracing

    priorities: list[Priority] = [priority for priority in PRIORITIES if priority in queues.split(",")]
    if not priorities or set(queues.split(",")) - set(priorities):
        raise typer.BadParameter(f"choose of {', '.join(PRIORITIES)}", param_hint="--queues")
    settings = load_settings()
    if concurrency is not None:
        worker = settings.worker.model_copy(update={"worker_concurrency": concurrency})
        settings = settings.model_copy(update={"worker": worker})
    configure_service_logging(settings)
    log_selections(select_models(settings, open_catalog(settings), open_store(settings)))
    metrics_address = None if metrics_port is None else (metrics_host, metrics_port)
    tracing = open_tracing(settings, "worker")
    try:
        asyncio.run(_run_jobs(settings, priorities, metrics_address, tracing))
    finally:
        tracing.close()


async def _run_jobs(
    settings: "Settings", priorities: list[Priority], metrics_address: tuple[str, int] | None, tracing: "Tracing"
) -> None:
    from service.telemetry.metrics import Metrics

    metrics = Metrics()
    with nullcontext() if metrics_address is None else _serve_metrics(metrics, settings, *metrics_address):
        await _run_worker(settings, priorities, metrics, tracing)


async def _run_worker(settings: "Settings", priorities: list[Priority], metrics: "Metrics", tracing: "Tracing") -> None:
    from service.components import open_components
    from service.heap import frozen_heap
    from service.worker.job_services import open_job_services
    from service.worker.metrics import JobMetrics
    from service.worker.worker import Worker

    job_metrics = JobMetrics(metrics.registry)
    async with (
        open_job_services(settings, priorities) as jobs,
        open_components(settings, metrics) as components,
        AsyncExitStack() as stack,
    ):
        # Imported here: it loads OpenCV and ONNX Runtime, which must not delay the queue's errors.
        from service.keys.rate_limits import RateLimiter
        from service.model_variants import improving_variants
        from service.monitoring.monitors import open_monitors

        await stack.enter_async_context(open_monitors(components))
        limiter = RateLimiter()
        limiter.counts.share_in(jobs.queue.scripts)
        components.engine.add_observer(limiter.observe)
        await stack.enter_async_context(job_metrics.updating(jobs))
        worker = Worker(components, jobs, job_metrics, tracing)
        await stack.enter_async_context(improving_variants(components))
        stack.enter_context(frozen_heap())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, worker.stop)
        print(f"KernelSight takes jobs ({', '.join(priorities)}) from {jobs.queue.scripts.connection.name}", flush=True)
        await worker.run()


def _serve_metrics(metrics: "Metrics", settings: "Settings", host: str, port: int) -> AbstractContextManager[None]:
    """Raises PortUnavailable."""
    from service.http.metrics_server import serve_metrics

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as cause:
        raise PortUnavailable(f"cannot show metrics on {host}:{port}: {cause.strerror or cause}") from cause
    return serve_metrics(metrics, settings, listener)
