"""Runs a worker, in the API's process or in one of its own."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from service.components import Components
from service.queue.consumer import Consumer
from service.telemetry.tracing import Tracing
from service.worker.handler import JobHandler
from service.worker.job_services import JobServices
from service.worker.metrics import JobMetrics

log = logging.getLogger(__name__)

_RESTART_SECONDS = 1.0


@dataclass
class Worker:
    """`run` ends after `stop`, which a signal handler may call."""

    components: Components
    jobs: JobServices
    metrics: JobMetrics
    tracing: Tracing
    _stopped: bool = False
    _consumer: Consumer | None = field(default=None, init=False)

    async def run(self) -> None:
        """A bug in the worker itself is logged, and the worker restarts; its jobs are safe in the queue."""
        settings = self.components.settings
        while not self._stopped:
            handler = JobHandler(self.components, self.jobs)
            self._consumer = Consumer(
                self.jobs.leases,
                handler,
                concurrency=settings.worker.worker_concurrency,
                on_finished=self.metrics.record_run,
                on_reclaimed=self.metrics.record_reclaimed,
                tracing=self.tracing,
            )
            try:
                await self._consumer.run(settings.limits.drain_seconds)
            except Exception:
                log.exception("bug in the worker; it restarts")
                await asyncio.sleep(_RESTART_SECONDS)

    def stop(self) -> None:
        self._stopped = True
        if self._consumer is not None:
            self._consumer.stop()


@asynccontextmanager
async def run_worker(
    components: Components, jobs: JobServices, metrics: JobMetrics, tracing: Tracing
) -> AsyncIterator[None]:
    """Runs a worker during the block; on exit it drains its jobs, and releases those that take too long."""
    worker = Worker(components, jobs, metrics, tracing)
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await task
