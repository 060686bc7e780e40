"""An event log in the queue's Redis: a stream, trimmed to a number of lines, to bytes and to an age."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.errors import RequestRejected
from pipelines.findings import result_time
from pipelines.linear_patterns import text_is
from service.monitoring.audit.log import LogLine, LogPage, record_prefix
from service.queue.scripts import ScriptRunner

# Seconds before and after a result's time in which its line is searched, by the server's clock. First: how long writing
# usually takes. Then: how far clocks may differ, and how long the server may have been unreachable.
NEAR_SECONDS, FAR_SECONDS = (2.0, 10.0), (300.0, 900.0)
_PAGE_LINES = 500  # lines of one command
_is_cursor = text_is("[0-9]{1,16}-[0-9]{1,16}")


@dataclass(frozen=True)
class RedisEventLog:
    server: ScriptRunner
    name: str
    keep_seconds: float
    max_lines: int
    max_bytes: int = 2 * 2**30  # that the server needs for the stream, as it estimates it

    @property
    def key(self) -> str:
        return self.server.key("journal", self.name)

    async def append(self, lines: Sequence[LogLine]) -> None:
        async with self.server.connection.command() as client:
            pipeline = client.pipeline(transaction=False)
            for line in lines:
                pipeline.xadd(self.key, {"line": line.data}, maxlen=self.max_lines, approximate=True)
            await pipeline.execute()
            await self._trim_bytes(client)

    async def find(self, result_id: str) -> bytes | None:
        at = result_time(result_id)
        if at is None:
            return None
        for before, after in (NEAR_SECONDS, FAR_SECONDS):
            start, end = f"{_milliseconds(at - before)}", f"{_milliseconds(at + after)}"
            while found := await self._range(start, end, _PAGE_LINES):
                for _, line in found:
                    if line.startswith(record_prefix(result_id)):
                        return line
                start = f"({found[-1][0]}"
        return None

    async def read(self, after: str, limit: int) -> LogPage:
        if after and not _is_cursor(after):
            raise RequestRejected(f"after: {after[:80]!r} is no cursor of this list")
        found = await self._range(f"({after}" if after else "-", "+", limit)
        return LogPage([line for _, line in found], found[-1][0] if found else after)

    async def prune(self) -> None:
        async with self.server.connection.command() as client:
            await client.xtrim(self.key, minid=_milliseconds(time.time() - self.keep_seconds), approximate=False)

    async def _trim_bytes(self, client: Any) -> None:
        """Remove the oldest lines where there are too many bytes, and a tenth more, or every line would trim."""
        used = await client.memory_usage(self.key) or 0
        if used > self.max_bytes:
            lines = await client.xlen(self.key)
            await client.xtrim(self.key, maxlen=int(lines * self.max_bytes / used * 0.9), approximate=False)

    async def _range(self, start: str, end: str, count: int) -> list[tuple[str, bytes]]:
        async with self.server.connection.command() as client:
            found: Any = await client.xrange(self.key, start, end, count=count)
        return [(id.decode(), fields[b"line"]) for id, fields in found]


def _milliseconds(at: float) -> int:
    return max(round(at * 1000), 0)
