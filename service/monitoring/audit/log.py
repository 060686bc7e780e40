"""What records are written to: lines of JSON that are only ever added, and go when their time is over."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

START = ""  # the cursor before the first line


@dataclass(frozen=True, slots=True)
class Line:
    """`data` is a JSON object without a line break; `at` (Unix seconds) says which day's it is."""

    at: float
    data: bytes


class Lines(NamedTuple):
    """What was read, and the cursor behind it."""

    lines: list[bytes]
    cursor: str


class Journal(Protocol):
    """All methods raise AuditUnavailable or QueueUnavailable."""

    async def append(self, lines: Sequence[Line]) -> None:
        """All of them, in one piece; several processes may do so at once."""

    async def find(self, result_id: str) -> bytes | None:
        """The line that begins with `result_id` and was written for the time in it."""

    async def read(self, after: str, limit: int) -> Lines:
        """The first lines behind a cursor, at most `limit`. Raises RequestRejected for what is no cursor."""

    async def prune(self) -> None:
        """Remove what has been kept long enough."""


def beginning(result_id: str) -> bytes:
    """How the line of a result begins: records have their id first."""
    return b'{"result_id":"' + result_id.encode() + b'"'
