"""Records on their way to a journal. Nobody waits for it: what finds no room is dropped, and counted."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import islice
from typing import Literal

from models.errors import KernelSightError
from service.monitoring.audit.log import Journal, Line
from service.monitoring.audit.record_builder import Draft

log = logging.getLogger(__name__)

ROOM = 10_000  # records in memory while the journal cannot be written to: about 50 MB
GATHER_SECONDS = 0.1
AGAIN_SECONDS = 5.0
_AT_ONCE = 500

Outcome = Literal["written", "dropped"]
Count = Callable[[Outcome, int], None]


class Writer:
    def __init__(self, journal: Journal, count: Count, *, room: int = ROOM) -> None:
        self._journal, self._count, self._room = journal, count, room
        self._drafts: deque[Draft] = deque()
        self._lines: deque[Line] = deque()
        self._some = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    def put(self, draft: Draft) -> None:
        if self._waiting >= self._room:
            self._count("dropped", 1)
            return
        self._drafts.append(draft)
        self._some.set()

    async def flush(self) -> None:
        """What was put until now is in the journal when this returns; raises what the journal does."""
        async with self._one_at_a_time:
            while self._waiting:
                await self._write_out()
                batch = list(islice(self._lines, _AT_ONCE))
                await self._journal.append(batch)
                for _ in batch:  # only now: what fails is tried again
                    self._lines.popleft()
                self._count("written", len(batch))

    @property
    def _waiting(self) -> int:
        return len(self._drafts) + len(self._lines)

    async def _write_out(self) -> None:
        """As lines they take a tenth of the memory."""
        drafts = list(islice(self._drafts, _AT_ONCE))
        self._lines += await asyncio.to_thread(_lines, drafts)
        for _ in drafts:
            self._drafts.popleft()

    @asynccontextmanager
    async def running(self, *, drain_seconds: float) -> AsyncIterator[None]:
        """On the way out what waits has the time to be written."""
        task = asyncio.create_task(self._write())
        try:
            yield
        finally:
            with suppress(TimeoutError), _logged():
                async with asyncio.timeout(drain_seconds):
                    await self.flush()
            task.cancel()
            await asyncio.wait({task})
            self._count("dropped", self._waiting)

    async def _write(self) -> None:
        while True:
            await self._some.wait()
            self._some.clear()
            await asyncio.sleep(GATHER_SECONDS)  # a thread's work for each record would cost more than the record
            with _logged():
                await self.flush()
            if self._waiting:
                self._some.set()
                await asyncio.sleep(AGAIN_SECONDS)


@contextmanager
def _logged() -> Iterator[None]:
    try:
        yield
    except KernelSightError as error:
        log.error("the audit log is behind: %s", error)


def _lines(drafts: list[Draft]) -> list[Line]:
    return [Line(one.at, one.line()) for one in drafts]
