"""Prometheus metrics of jobs: the runs of this process, and the state of the shared queue."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from service.queue.errors import QueueUnavailable
from service.queue.types import QueuedJob
from service.worker.job_services import JobServices

UPDATE_SECONDS = 5.0
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600)


class JobMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._runs = Counter(
            "kernelsight_job_runs", "Runs of jobs that ended here, by the state that they led to.",
            ["priority", "state"], registry=registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "kernelsight_job_run_seconds", "Time that a run of a job took here.", ["priority"],
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self._reclaimed = Counter(
            "kernelsight_leases_reclaimed", "Jobs taken over here from workers that fell silent.", registry=registry
        )
        self._jobs = Gauge(
            "kernelsight_jobs", "Jobs in the queue, by what they do there.", ["priority", "state"], registry=registry
        )
        self._oldest = Gauge(
            "kernelsight_jobs_oldest_seconds", "How long the first job in line has waited.", ["priority"],
            registry=registry,
        )  # fmt: skip
        self._dead = Gauge("kernelsight_dead_letters", "Jobs that were tried too often.", registry=registry)
        self._reachable = Gauge("kernelsight_queue_up", "1 while the queue answers.", registry=registry)

    def record_run(self, job: QueuedJob, state: str, seconds: float) -> None:
        """Count a run that ended here."""
        self._runs.labels(job.priority, state).inc()
        self._seconds.labels(job.priority).observe(seconds)

    def record_reclaimed(self, jobs: Sequence[QueuedJob]) -> None:
        """Count jobs taken over here because their lease ran out elsewhere."""
        self._reclaimed.inc(len(jobs))

    async def update(self, jobs: JobServices) -> None:
        """Update the gauges of the queue once."""
        try:
            depths, dead = await jobs.queue.depths(), await jobs.dead_letters.count()
        except QueueUnavailable:
            self._reachable.set(0)
            return
        self._reachable.set(1)
        self._dead.set(dead)
        for priority, depth in depths.items():
            for state, count in (("queued", depth.waiting), ("running", depth.running), ("retrying", depth.delayed)):
                self._jobs.labels(priority, state).set(count)
            self._oldest.labels(priority).set(depth.oldest_seconds)

    @asynccontextmanager
    async def updating(self, jobs: JobServices) -> AsyncIterator[None]:
        """Update the gauges every few seconds during the block."""

        async def repeat() -> None:
            while True:
                await self.update(jobs)
                await asyncio.sleep(UPDATE_SECONDS)

        task = asyncio.create_task(repeat())
        try:
            yield
        finally:
            task.cancel()
