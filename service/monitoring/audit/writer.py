"""Writes records to an event log in the background. Records that find no room are dropped and counted."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import islice
from typing import Literal

from models.errors import KernelSightError
from service.monitoring.audit.log import EventLog, LogLine
from service.monitoring.audit.record_builder import RecordDraft

log = logging.getLogger(__name__)

MAX_WAITING = 10_000  # records in memory while the log cannot be written: about 50 MB
GATHER_SECONDS = 0.1
RETRY_SECONDS = 5.0
_BATCH_LINES = 500

WriteOutcome = Literal["written", "dropped"]
CountRecords = Callable[[WriteOutcome, int], None]


class RecordWriter:
    def __init__(self, event_log: EventLog, count: CountRecords, *, max_waiting: int = MAX_WAITING) -> None:
        self._event_log, self._count, self._max_waiting = event_log, count, max_waiting
        self._drafts: deque[RecordDraft] = deque()
        self._lines: deque[LogLine] = deque()
        self._has_records = asyncio.Event()
        self._flush_lock = asyncio.Lock()

    def put(self, draft: RecordDraft) -> None:
        if self._waiting >= self._max_waiting:
            self._count("dropped", 1)
            return
        self._drafts.append(draft)
        self._has_records.set()

    async def flush(self) -> None:
        """Write all records that were put so far; raises what the event log raises."""
        async with self._flush_lock:
            while self._waiting:
                await self._serialise_drafts()
                batch = list(islice(self._lines, _BATCH_LINES))
                await self._event_log.append(batch)
                for _ in batch:  # only now: a failed batch is tried again
                    self._lines.popleft()
                self._count("written", len(batch))

    @property
    def _waiting(self) -> int:
        return len(self._drafts) + len(self._lines)

    async def _serialise_drafts(self) -> None:
        """Lines take a tenth of the memory of drafts."""
        drafts = list(islice(self._drafts, _BATCH_LINES))
        self._lines += await asyncio.to_thread(_build_lines, drafts)
        for _ in drafts:
            self._drafts.popleft()

    @asynccontextmanager
    async def run(self, *, drain_seconds: float) -> AsyncIterator[None]:
        """Write until the end of the block; waiting records then have `drain_seconds` to be written."""
        task = asyncio.create_task(self._write_forever())
        try:
            yield
        finally:
            with suppress(TimeoutError), _log_errors():
                async with asyncio.timeout(drain_seconds):
                    await self.flush()
            task.cancel()
            await asyncio.wait({task})
            self._count("dropped", self._waiting)

    async def _write_forever(self) -> None:
        while True:
            await self._has_records.wait()
            self._has_records.clear()
            await asyncio.sleep(GATHER_SECONDS)  # a thread call per record would cost more than the record itself
            with _log_errors():
                await self.flush()
            if self._waiting:
                self._has_records.set()
                await asyncio.sleep(RETRY_SECONDS)


@contextmanager
def _log_errors() -> Iterator[None]:
    try:
        yield
    except KernelSightError as error:
        log.error("the audit log is behind: %s", error)


def _build_lines(drafts: list[RecordDraft]) -> list[LogLine]:
    return [LogLine(one.at, one.to_json()) for one in drafts]
