"""Liveness without waiting for busy cores: checks run beside the requests for their verdict."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

V = TypeVar("V")

PATIENCE_SECONDS = 0.1


class HealthChecks(Generic[V]):
    """The verdict of the last check where the running one takes longer than a moment.

    A real inference of every model takes hundreds of milliseconds on cores that have enough to do. `check` must have a
    limit of time, and its verdict must say so when it meets it: until then the last one holds.
    """

    def __init__(self, check: Callable[[], Awaitable[V]]) -> None:
        self._check = check
        self._running: asyncio.Task[V] | None = None
        self._last: list[V] = []  # one at the most

    async def verdict(self) -> V:
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        await asyncio.wait({self._running}, timeout=PATIENCE_SECONDS if self._last else None)
        return self._running.result() if self._running.done() else self._last[0]

    async def _run(self) -> V:
        self._last = [await self._check()]
        return self._last[0]

    async def close(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})


@asynccontextmanager
async def open_health_checks(check: Callable[[], Awaitable[V]]) -> AsyncIterator[HealthChecks[V]]:
    checks = HealthChecks(check)
    try:
        await checks.verdict()  # so that there is one from the start
        yield checks
    finally:
        await checks.close()
