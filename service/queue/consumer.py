"""Works off the queue: many jobs at once on one event loop, each under a lease.

    take ──► Attempt.run ──► endings ──► finish          a beat several times a lease
      ▲                                                  a sweep every half second
      └── waits for jobs, or for a free slot

A job ends in one of these ways: done; failed (PermanentFailure); retried, at last dead (TemporaryFailure, or any
other error); cancelled; lost to another worker, whose outcome counts; released, when this worker stops.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from time import monotonic
from typing import Any

from service.queue.attempt import Attempt, Handle
from service.queue.errors import QueueUnavailable
from service.queue.leases import Ending, Leases
from service.queue.types import Job
from service.telemetry.tracing import Tracing

log = logging.getLogger(__name__)

SWEEP_SECONDS = 0.5
BEAT_MOST_SECONDS = 2.0  # however long the lease: a cancelled job learns of it with the beat
RECONNECT_SECONDS, RECONNECT_MOST_SECONDS = 0.1, 5.0
LAST_WORDS_SECONDS = 5.0  # what was handed over when the worker stops has so long to be written
ENDINGS_AT_ONCE = 64
ENDINGS_AT_ONCE_BYTES = 8 * 2**20

Observe = Callable[[Job, str, float], None]  # the state that a run led to, and its seconds
Reclaimed = Callable[[Sequence[Job]], None]  # what others began and let fall, and this one runs now


def _unseen(*what: object) -> None:
    pass


class Consumer:
    """`concurrency` jobs at once. A consumer runs once."""

    def __init__(
        self,
        leases: Leases,
        handle: Handle,
        *,
        concurrency: int = 64,
        observe: Observe = _unseen,
        reclaimed: Reclaimed = _unseen,
        tracing: Tracing | None = None,
    ) -> None:
        self._leases = leases
        self._handle = handle
        self._concurrency = concurrency
        self._observe = observe
        self._reclaimed = reclaimed
        self._tracing = tracing
        self._running: dict[Attempt, asyncio.Task[None]] = {}  # until their endings are written
        self._endings: list[tuple[Attempt, Ending]] = []
        self._taking = asyncio.Lock()  # so that two do not fill the same free slots
        self._changed = asyncio.Event()  # an attempt is over, or it is time to stop
        self._ended = asyncio.Event()  # there are endings to write
        self._stopping = asyncio.Event()
        self._reclaims_from = 0.0  # seconds of time.monotonic

    @property
    def in_flight(self) -> int:
        return len(self._running)

    def stop(self) -> None:
        """No further job is taken, and `run` comes to its end. Fit for a signal handler."""
        self._stopping.set()
        self._changed.set()

    async def run(self, grace_seconds: float = 10.0) -> None:
        """Until `stop`. Then what is in flight has `grace_seconds`; the rest is handed over to other workers at once.

        Outages of the server are waited for. Raises what is a bug; its jobs are left to other workers then.
        """
        takers = [asyncio.create_task(self._until_stopped(step)) for step in (self._read, self._sweep)]
        keepers = [asyncio.create_task(self._beats()), asyncio.create_task(self._write())]
        try:
            await _first(asyncio.gather(*takers), *keepers)
            await _first(self._drain(grace_seconds), *keepers)
        finally:
            await _cancel([*takers, *keepers, *self._running.values()])

    async def _until_stopped(self, step: Callable[[], Awaitable[None]]) -> None:
        pause = RECONNECT_SECONDS
        while not self._stopping.is_set():
            try:
                await step()
                pause = RECONNECT_SECONDS
            except QueueUnavailable as error:
                self._outage(error)
                await self._sleep(pause * random.uniform(0.5, 1.5))
                pause = min(RECONNECT_MOST_SECONDS, 2 * pause)

    def _outage(self, error: QueueUnavailable) -> None:
        log.warning("the queue is not available: %s", error)
        # The server's clock went on meanwhile: every lease looks old until its worker is back, too.
        self._reclaims_from = monotonic() + self._leases.terms.lease_seconds

    async def _sleep(self, seconds: float) -> None:
        await _first(asyncio.sleep(seconds), self._stopping.wait())

    async def _read(self) -> None:
        while self.in_flight >= self._concurrency and not self._stopping.is_set():
            self._changed.clear()
            await self._changed.wait()
        if not await self._take(self._leases.take, self._concurrency) and not self._stopping.is_set():
            await _first(self._leases.wait(), self._stopping.wait())

    async def _sweep(self) -> None:
        most = self._concurrency if monotonic() >= self._reclaims_from else 0
        self._reclaimed(await self._take(self._leases.sweep, most))
        await self._sleep(min(SWEEP_SECONDS, self._leases.terms.lease_seconds / 3))

    async def _take(self, take: Callable[[int], Awaitable[list[Job]]], most: int) -> list[Job]:
        """Those that run now. Never cut short: what is taken and then forgotten waits for its lease to end."""
        async with self._taking:
            jobs = [] if self._stopping.is_set() else await take(max(0, most - self.in_flight))
            for job in jobs:
                attempt = Attempt(job, self._handle, self._leases, self._tracing)
                self._running[attempt] = asyncio.create_task(self._work(attempt))
        return jobs

    async def _work(self, attempt: Attempt) -> None:
        ending = await attempt.run()
        if ending is None:
            self._over(attempt, "lost")
        else:
            self._endings.append((attempt, ending))
            self._ended.set()

    def _over(self, attempt: Attempt, state: str) -> None:
        del self._running[attempt]
        self._changed.set()
        self._observe(attempt.job, state, monotonic() - attempt.started)
        if state in ("stale", "lost"):
            log.warning("job %s: another worker has it, this one's outcome is dropped", attempt.job.id)

    async def _beats(self) -> None:
        while True:
            await asyncio.sleep(min(BEAT_MOST_SECONDS, self._leases.terms.lease_seconds / 3))
            attempts = list(self._running)
            try:
                verdicts = await self._leases.beat([one.job for one in attempts]) if attempts else []
            except QueueUnavailable as error:
                self._outage(error)
                continue
            for attempt, verdict in zip(attempts, verdicts, strict=True):
                if verdict != "kept":
                    attempt.stop(verdict)

    async def _write(self) -> None:
        """While one command is on its way, the endings for the next one gather."""
        pause = RECONNECT_SECONDS
        while True:
            await self._ended.wait()
            part = _part(self._endings)
            try:
                states = await self._leases.finish(ending for _, ending in part)
            except QueueUnavailable as error:
                self._outage(error)
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))
                pause = min(RECONNECT_MOST_SECONDS, 2 * pause)
                continue
            pause = RECONNECT_SECONDS
            del self._endings[: len(part)]
            if not self._endings:
                self._ended.clear()
            for (attempt, _), state in zip(part, states, strict=True):
                self._over(attempt, state)

    async def _drain(self, grace_seconds: float) -> None:
        await _first(self._quiet(), asyncio.sleep(grace_seconds))
        for attempt in self._running:
            attempt.stop("release")
        await _first(self._quiet(), asyncio.sleep(LAST_WORDS_SECONDS))

    async def _quiet(self) -> None:
        while self._running:
            self._changed.clear()
            await self._changed.wait()


def _part(endings: list[tuple[Attempt, Ending]]) -> list[tuple[Attempt, Ending]]:
    """The first ones that fit in one command, at least one."""
    size = 0
    for number, (_, ending) in enumerate(endings[:ENDINGS_AT_ONCE]):
        size += len(ending.first)
        if number and size > ENDINGS_AT_ONCE_BYTES:
            return endings[:number]
    return endings[:ENDINGS_AT_ONCE]


async def _first(*waits: Coroutine[Any, Any, Any] | asyncio.Future[Any]) -> None:
    """Until one of them is over; raises what it raised. Coroutines that are not are cancelled."""
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
