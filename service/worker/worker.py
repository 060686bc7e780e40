"""A worker: takes jobs for as long as it is open, in the API's process or in one of its own."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from service.components import Components
from service.queue.consumer import Consumer
from service.telemetry.tracing import Tracing
from service.worker.handler import Handler
from service.worker.job_services import JobServices
from service.worker.metrics import JobMetrics

log = logging.getLogger(__name__)

_AGAIN_SECONDS = 1.0


@dataclass
class Worker:
    """`run` until `stop`, which a signal handler may call."""

    components: Components
    jobs: JobServices
    metrics: JobMetrics
    tracing: Tracing
    _stopped: bool = False
    _consumer: Consumer | None = field(default=None, init=False)

    async def run(self) -> None:
        """A bug in the worker itself is logged, and the work goes on: the jobs are in the queue."""
        settings = self.components.settings
        while not self._stopped:
            handler = Handler(self.components, self.jobs)
            self._consumer = Consumer(
                self.jobs.leases,
                handler,
                concurrency=settings.worker_concurrency,
                observe=self.metrics.ended,
                reclaimed=self.metrics.reclaimed,
                tracing=self.tracing,
            )
            try:
                await self._consumer.run(settings.drain_seconds)
            except Exception:
                log.exception("bug in the worker; it begins anew")
                await asyncio.sleep(_AGAIN_SECONDS)

    def stop(self) -> None:
        self._stopped = True
        if self._consumer is not None:
            self._consumer.stop()


@asynccontextmanager
async def working(
    components: Components, jobs: JobServices, metrics: JobMetrics, tracing: Tracing
) -> AsyncIterator[None]:
    """On the way out what is in flight has the time to drain, and the rest is handed over."""
    worker = Worker(components, jobs, metrics, tracing)
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await task
