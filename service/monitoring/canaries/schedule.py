"""When canaries are run: at start, every so often, and when a model was loaded."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.monitoring.canaries.runner import Canaries

log = logging.getLogger(__name__)


class Schedule:
    """Runs them while it is open; with `every_seconds` of 0 never by itself."""

    def __init__(self, canaries: Canaries, every_seconds: float) -> None:
        self._canaries, self._every_seconds = canaries, every_seconds
        self._due = asyncio.Event()

    def run_now(self) -> None:
        """Soon, and not twice where it is asked for twice before that."""
        self._due.set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Schedule"]:
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
                await self._canaries.run()
            except Exception:
                log.exception("bug in canaries")
