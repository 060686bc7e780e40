"""A journal in the queue's Redis: a stream, cut to a number of lines and to an age."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.errors import RequestRejected
from pipelines.findings import made_at
from service.monitoring.audit.log import Line, Lines, beginning
from service.queue.scripts import Server

# Seconds before and after a result's time in which its line is looked for, by the server's clock: what writing
# usually takes, then what clocks may differ by and a server may have been away.
NEAR, FAR = (2.0, 10.0), (300.0, 900.0)
_AT_ONCE = 500  # lines a command
_CURSOR = re.compile(r"\d{1,16}-\d{1,16}")


@dataclass(frozen=True)
class StreamJournal:
    server: Server
    name: str
    keep_seconds: float
    most: int

    @property
    def key(self) -> str:
        return self.server.key("journal", self.name)

    async def append(self, lines: Sequence[Line]) -> None:
        async with self.server.connection.command() as client:
            many = client.pipeline(transaction=False)
            for line in lines:
                many.xadd(self.key, {"line": line.data}, maxlen=self.most, approximate=True)
            await many.execute()

    async def find(self, result_id: str) -> bytes | None:
        at = made_at(result_id)
        if at is None:
            return None
        for before, after in (NEAR, FAR):
            place, end = f"{_ms(at - before)}", f"{_ms(at + after)}"
            while found := await self._range(place, end, _AT_ONCE):
                for _, line in found:
                    if line.startswith(beginning(result_id)):
                        return line
                place = f"({found[-1][0]}"
        return None

    async def read(self, after: str, limit: int) -> Lines:
        if after and not _CURSOR.fullmatch(after):
            raise RequestRejected(f"after: {after[:80]!r} is no cursor of this list")
        found = await self._range(f"({after}" if after else "-", "+", limit)
        return Lines([line for _, line in found], found[-1][0] if found else after)

    async def prune(self) -> None:
        async with self.server.connection.command() as client:
            await client.xtrim(self.key, minid=_ms(time.time() - self.keep_seconds), approximate=False)

    async def _range(self, start: str, end: str, count: int) -> list[tuple[str, bytes]]:
        async with self.server.connection.command() as client:
            found: Any = await client.xrange(self.key, start, end, count=count)
        return [(id.decode(), fields[b"line"]) for id, fields in found]


def _ms(at: float) -> int:
    return max(round(at * 1000), 0)
