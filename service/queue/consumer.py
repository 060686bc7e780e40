"""Takes jobs from the queue and runs many at once on one event loop, each under a lease.

    take ──► JobAttempt.run ──► outcomes ──► finish      renews leases several times a lease
      ▲                                                  sweeps every half second
      └── waits for jobs, or for a free slot

A run ends in one of these ways: done; failed (PermanentFailure); retried, and after the last attempt dead
(TemporaryFailure, or any other error); cancelled; lost to another worker, whose outcome counts; released, when this
worker stops.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from time import monotonic
from typing import Any

from service.queue.attempt import HandleJob, JobAttempt
from service.queue.errors import QueueUnavailable
from service.queue.leases import JobOutcome, Leases
from service.queue.types import QueuedJob
from service.telemetry.tracing import Tracing

log = logging.getLogger(__name__)

SWEEP_SECONDS = 0.5
MAX_RENEWAL_SECONDS = 2.0  # however long the lease: a cancelled job is stopped at the next renewal
RECONNECT_SECONDS, MAX_RECONNECT_SECONDS = 0.1, 5.0
FINAL_WRITE_SECONDS = 5.0  # for writing the outcomes of the jobs that a stopping worker releases
OUTCOMES_PER_WRITE = 64
BYTES_PER_WRITE = 8 * 2**20

ObserveRun = Callable[[QueuedJob, str, float], None]  # the state after a run, and the run's seconds
ObserveReclaimed = Callable[[Sequence[QueuedJob]], None]  # jobs taken over from other workers


def _ignore(*arguments: object) -> None:
    pass


class Consumer:
    """`concurrency` jobs at once. A consumer runs once."""

    def __init__(
        self,
        leases: Leases,
        handle: HandleJob,
        *,
        concurrency: int = 64,
        on_finished: ObserveRun = _ignore,
        on_reclaimed: ObserveReclaimed = _ignore,
        tracing: Tracing | None = None,
    ) -> None:
        self._leases = leases
        self._handle = handle
        self._concurrency = concurrency
        self._on_finished = on_finished
        self._on_reclaimed = on_reclaimed
        self._tracing = tracing
        self._running: dict[JobAttempt, asyncio.Task[None]] = {}  # until their outcomes are written
        self._outcomes: list[tuple[JobAttempt, JobOutcome]] = []
        self._take_lock = asyncio.Lock()  # so that two takers do not fill the same free slots
        self._changed = asyncio.Event()  # an attempt is over, or it is time to stop
        self._has_outcomes = asyncio.Event()  # there are outcomes to write
        self._stopping = asyncio.Event()
        self._reclaim_after = 0.0  # seconds of time.monotonic

    @property
    def in_flight(self) -> int:
        return len(self._running)

    def stop(self) -> None:
        """Take no further job and let `run` end. A signal handler may call it."""
        self._stopping.set()
        self._changed.set()

    async def run(self, grace_seconds: float = 10.0) -> None:
        """Run until `stop`; jobs in flight then have `grace_seconds`, and the rest is released at once.

        Waits while the server is not available. Raises only bugs; other workers then take over the jobs.
        """
        takers = [asyncio.create_task(self._repeat_until_stopped(step)) for step in (self._take_jobs, self._sweep)]
        helpers = [asyncio.create_task(self._renew_leases()), asyncio.create_task(self._write_outcomes())]
        try:
            await _wait_for_first(asyncio.gather(*takers), *helpers)
            await _wait_for_first(self._drain(grace_seconds), *helpers)
        finally:
            await _cancel([*takers, *helpers, *self._running.values()])

    async def _repeat_until_stopped(self, step: Callable[[], Awaitable[None]]) -> None:
        pause = RECONNECT_SECONDS
        while not self._stopping.is_set():
            try:
                await step()
                pause = RECONNECT_SECONDS
            except QueueUnavailable as error:
                self._handle_outage(error)
                await self._sleep(pause * random.uniform(0.5, 1.5))
                pause = min(MAX_RECONNECT_SECONDS, 2 * pause)

    def _handle_outage(self, error: QueueUnavailable) -> None:
        log.warning("the queue is not available: %s", error)
        # The server's clock went on meanwhile: every lease looks expired until its worker is back, too.
        self._reclaim_after = monotonic() + self._leases.terms.lease_seconds

    async def _sleep(self, seconds: float) -> None:
        await _wait_for_first(asyncio.sleep(seconds), self._stopping.wait())

    async def _take_jobs(self) -> None:
        while self.in_flight >= self._concurrency and not self._stopping.is_set():
            self._changed.clear()
            await self._changed.wait()
        if not await self._start_jobs(self._leases.take, self._concurrency) and not self._stopping.is_set():
            await _wait_for_first(self._leases.wait_for_jobs(), self._stopping.wait())

    async def _sweep(self) -> None:
        limit = self._concurrency if monotonic() >= self._reclaim_after else 0
        self._on_reclaimed(await self._start_jobs(self._leases.sweep, limit))
        await self._sleep(min(SWEEP_SECONDS, self._leases.terms.lease_seconds / 3))

    async def _start_jobs(self, take: Callable[[int], Awaitable[list[QueuedJob]]], limit: int) -> list[QueuedJob]:
        """The jobs that it started. Never cancelled half-way: a job taken but not started would wait for its lease."""
        async with self._take_lock:
            jobs = [] if self._stopping.is_set() else await take(max(0, limit - self.in_flight))
            for job in jobs:
                attempt = JobAttempt(job, self._handle, self._leases, self._tracing)
                self._running[attempt] = asyncio.create_task(self._run_attempt(attempt))
        return jobs

    async def _run_attempt(self, attempt: JobAttempt) -> None:
        outcome = await attempt.run()
        if outcome is None:
            self._finish(attempt, "lost")
        else:
            self._outcomes.append((attempt, outcome))
            self._has_outcomes.set()

    def _finish(self, attempt: JobAttempt, state: str) -> None:
        del self._running[attempt]
        self._changed.set()
        self._on_finished(attempt.job, state, monotonic() - attempt.started)
        if state in ("stale", "lost"):
            log.warning("job %s: another worker has it, this one's outcome is dropped", attempt.job.id)

    async def _renew_leases(self) -> None:
        while True:
            await asyncio.sleep(min(MAX_RENEWAL_SECONDS, self._leases.terms.lease_seconds / 3))
            attempts = list(self._running)
            try:
                states = await self._leases.renew([one.job for one in attempts]) if attempts else []
            except QueueUnavailable as error:
                self._handle_outage(error)
                continue
            for attempt, state in zip(attempts, states, strict=True):
                if state != "kept":
                    attempt.stop(state)

    async def _write_outcomes(self) -> None:
        """Outcomes gather for the next command while one is on its way."""
        pause = RECONNECT_SECONDS
        while True:
            await self._has_outcomes.wait()
            written = _next_write(self._outcomes)
            try:
                states = await self._leases.finish(outcome for _, outcome in written)
            except QueueUnavailable as error:
                self._handle_outage(error)
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))
                pause = min(MAX_RECONNECT_SECONDS, 2 * pause)
                continue
            pause = RECONNECT_SECONDS
            del self._outcomes[: len(written)]
            if not self._outcomes:
                self._has_outcomes.clear()
            for (attempt, _), state in zip(written, states, strict=True):
                self._finish(attempt, state)

    async def _drain(self, grace_seconds: float) -> None:
        await _wait_for_first(self._wait_until_idle(), asyncio.sleep(grace_seconds))
        for attempt in self._running:
            attempt.stop("release")
        await _wait_for_first(self._wait_until_idle(), asyncio.sleep(FINAL_WRITE_SECONDS))

    async def _wait_until_idle(self) -> None:
        while self._running:
            self._changed.clear()
            await self._changed.wait()


def _next_write(outcomes: list[tuple[JobAttempt, JobOutcome]]) -> list[tuple[JobAttempt, JobOutcome]]:
    """The first outcomes that fit in one command, at least one."""
    size = 0
    for number, (_, outcome) in enumerate(outcomes[:OUTCOMES_PER_WRITE]):
        size += len(outcome.content)
        if number and size > BYTES_PER_WRITE:
            return outcomes[:number]
    return outcomes[:OUTCOMES_PER_WRITE]


async def _wait_for_first(*waits: Coroutine[Any, Any, Any] | asyncio.Future[Any]) -> None:
    """Wait until one has finished, and raise what it raised; coroutines that have not are cancelled."""
    own = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(own, return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            one.result()
    finally:
        await _cancel(one for one, wait in zip(own, waits, strict=True) if one is not wait)


async def _cancel(futures: Iterable[asyncio.Future[Any]]) -> None:
    waiting = [one for one in futures if not one.done()]
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
