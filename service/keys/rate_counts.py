"""Counts what keys use in the minutes of the clock: in this process, or in the queue's Redis for all processes."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from service.keys.rate_window import WINDOW_SECONDS, RateWindow
from service.queue.errors import QueueUnavailable
from service.queue.scripts import ScriptRunner

log = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 0.5  # a Redis that is slower than this is not waited for: a limit must not stop the service
_RETRY_SECONDS = 5.0  # how long counts stay in the process after that


@dataclass
class RateCounts:
    """`now` gives Unix seconds. Names are as many as there are keys with limits, so nothing here grows with requests.

    While Redis does not answer, every process counts for itself.
    """

    now: Callable[[], float] = time.time
    _scripts: ScriptRunner | None = field(default=None, init=False)
    _counts: dict[str, tuple[int, int, int]] = field(default_factory=dict, init=False)  # minute, its count, the last's
    _retry_at: float = field(default=0.0, init=False)

    def share_in(self, scripts: ScriptRunner) -> None:
        """From now on count in that Redis, together with other processes."""
        self._scripts = scripts

    async def add(self, name: str, amount: int) -> RateWindow:
        """Count `amount`, which may be negative or 0, and return the use with it."""
        now = self.now()
        minute, elapsed = int(now // WINDOW_SECONDS), now % WINDOW_SECONDS
        if self._scripts is not None and now >= self._retry_at:
            try:
                async with asyncio.timeout(_TIMEOUT_SECONDS):
                    return RateWindow(*await self._add_shared(self._scripts, name, amount, minute), elapsed)
            except (QueueUnavailable, TimeoutError) as error:
                self._retry_at = now + _RETRY_SECONDS
                log.warning("limits of keys are counted in this process alone for now: %s", error or "Redis is slow")
        return RateWindow(*self._add_here(name, amount, minute), elapsed)

    async def _add_shared(self, scripts: ScriptRunner, name: str, amount: int, minute: int) -> tuple[int, int]:
        """The counts of the minute before and of this one."""
        this, last = (scripts.key("rate", f"{name}:{one}") for one in (minute, minute - 1))
        async with scripts.connection.command() as client:
            pipe = client.pipeline(transaction=True)
            pipe.incrby(this, amount)
            pipe.expire(this, round(2 * WINDOW_SECONDS))
            pipe.get(last)
            current, _, previous = await pipe.execute()
        return int(previous or 0), int(current)

    def _add_here(self, name: str, amount: int, minute: int) -> tuple[int, int]:
        known, current, previous = self._counts.get(name, (minute, 0, 0))
        if known != minute:
            current, previous = 0, current if known == minute - 1 else 0
        self._counts[name] = (minute, current + amount, previous)
        return previous, current + amount
