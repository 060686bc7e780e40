"""Runs canaries at start, at regular intervals, and after a model was promoted."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.monitoring.canaries.runner import CanaryRunner

log = logging.getLogger(__name__)


class CanarySchedule:
    """Runs canaries while it is open; with `every_seconds` of 0 only on `request_run`."""

    def __init__(self, runner: CanaryRunner, every_seconds: float) -> None:
        self._runner, self._every_seconds = runner, every_seconds
        self._due = asyncio.Event()

    def request_run(self) -> None:
        """Run soon; several requests before the next run are one."""
        self._due.set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["CanarySchedule"]:
        if self._every_seconds:
            self._due.set()
        task = asyncio.create_task(self._run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._every_seconds or None):
                    await self._due.wait()
            except TimeoutError:
                pass
            self._due.clear()
            try:
                await self._runner.run()
            except Exception:
                log.exception("bug in canaries")
