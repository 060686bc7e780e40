"""The protocol of append-only logs: JSON lines that are only ever added, and removed when they expire."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

START = ""  # the cursor before the first line


@dataclass(frozen=True, slots=True)
class LogLine:
    """`data` is a JSON object without a line break; `at` (Unix seconds) decides the day it belongs to."""

    at: float
    data: bytes


class LogPage(NamedTuple):
    """Lines that were read, and the cursor behind the last of them."""

    lines: list[bytes]
    cursor: str


class EventLog(Protocol):
    """All methods raise AuditUnavailable or QueueUnavailable."""

    async def append(self, lines: Sequence[LogLine]) -> None:
        """Append all lines contiguously; several processes may append at once."""

    async def find(self, result_id: str) -> bytes | None:
        """The line of that result, looked up by the time in its id; None where there is none."""

    async def read(self, after: str, limit: int) -> LogPage:
        """At most `limit` lines behind a cursor. Raises RequestRejected for an invalid cursor."""

    async def prune(self) -> None:
        """Remove the lines that have expired."""


def record_prefix(result_id: str) -> bytes:
    """The first bytes of a result's line: records have their id first."""
    return b'{"result_id":"' + result_id.encode() + b'"'
