"""The waiting line in front of a model's sessions: bounded, two priorities, batches of one shape.

    put ──► interactive ▮▮▮ ─┐
                             ├─► take(limit) ──► [same shape, oldest first, at most limit]
    put ──► batch ▮▮▮▮▮▮▮ ───┘

Threads take, the event loop puts: every method holds one lock and none of them waits but `take`.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from time import monotonic
from typing import Generic, TypeVar

from models.errors import Overloaded
from models.priority import PRIORITIES, Priority

# While batch work waits, so many interactive batches may go before it is its turn once.
PATIENCE = 8

T = TypeVar("T")

_numbers = count()


@dataclass(eq=False, slots=True)
class Waiting(Generic[T]):
    """One request in the line: `rows` items of one `shape`, which decides who can share a batch.

    `deadline` is in seconds of `time.monotonic`.
    """

    work: T
    shape: tuple[int, ...]
    priority: Priority = "interactive"
    deadline: float | None = None
    rows: int = 1
    since: float = field(default_factory=monotonic)
    number: int = field(default_factory=_numbers.__next__)


class RequestQueue(Generic[T]):
    """`limit` bounds each priority by itself, so that a flood of batch work cannot shut out people."""

    def __init__(self, name: str, limit: int, *, clock: Callable[[], float] = monotonic) -> None:
        self.name, self.limit = name, limit
        self._clock = clock
        self._lines: dict[Priority, OrderedDict[int, Waiting[T]]] = {one: OrderedDict() for one in PRIORITIES}
        self._changed = threading.Condition()
        self._passed_over = 0  # interactive batches since batch work last had its turn
        self._closed = False

    def put(self, waiting: Waiting[T], *, retry_seconds: float = 1.0) -> None:
        """Raises Overloaded when the priority's line is full or the line is closed."""
        with self._changed:
            line = self._lines[waiting.priority]
            if self._closed or len(line) >= self.limit:
                raise Overloaded(f"{self.name} ({waiting.priority})", len(line), retry_seconds)
            line[waiting.number] = waiting
            self._changed.notify()

    def discard(self, waiting: Waiting[T]) -> bool:
        """Leave the line; False when a session has taken the request already."""
        with self._changed:
            return self._lines[waiting.priority].pop(waiting.number, None) is not None

    def take(self, limit: int, *, wait: bool = True) -> list[Waiting[T]] | None:
        """The next batch, at most `limit` rows, none past its deadline; blocks until there is one.

        None: closed and empty. A request of more rows than `limit` would never be taken: do not put one.
        """
        with self._changed:
            while True:
                self._drop_expired()
                if batch := self._next_batch(limit):
                    return batch
                if self._closed or not wait:
                    return None if self._closed else []
                self._changed.wait()

    def close(self) -> None:
        """Refuse newcomers; those who wait are still served."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def drain(self) -> list[Waiting[T]]:
        """Empty the line at once and return who was in it."""
        with self._changed:
            everyone = [waiting for line in self._lines.values() for waiting in line.values()]
            for line in self._lines.values():
                line.clear()
            return everyone

    def depth(self, priority: Priority) -> int:
        with self._changed:
            return len(self._lines[priority])

    def oldest_seconds(self) -> float:
        """How long the one at the head has waited; 0 when nobody waits."""
        with self._changed:
            heads = [next(iter(line.values())).since for line in self._lines.values() if line]
            return max(0.0, self._clock() - min(heads)) if heads else 0.0

    def _drop_expired(self) -> None:
        now = self._clock()
        for line in self._lines.values():
            late = [one.number for one in line.values() if one.deadline is not None and one.deadline <= now]
            for number in late:
                del line[number]  # whoever waits for the answer runs a timer of their own

    def _next_batch(self, limit: int) -> list[Waiting[T]]:
        first = self._whose_turn()
        if first is None:
            return []
        other: Priority = "batch" if first == "interactive" else "interactive"
        shape = next(iter(self._lines[first].values())).shape
        oldest_bulk = next(iter(self._lines["batch"]), None)
        batch = self._same_shape(first, shape, limit)
        # A batch with room left takes the other line's work along: that costs the batch almost nothing.
        batch += self._same_shape(other, shape, limit - sum(waiting.rows for waiting in batch))
        # Only the oldest counts: newcomers of a lucky shape, taken along, must not keep it waiting for ever.
        if oldest_bulk is None or oldest_bulk not in self._lines["batch"]:
            self._passed_over = 0
        else:
            self._passed_over += 1
        return batch

    def _whose_turn(self) -> Priority | None:
        if self._lines["batch"] and (not self._lines["interactive"] or self._passed_over >= PATIENCE):
            return "batch"
        return "interactive" if self._lines["interactive"] else None

    def _same_shape(self, priority: Priority, shape: tuple[int, ...], limit: int) -> list[Waiting[T]]:
        line = self._lines[priority]
        chosen: list[Waiting[T]] = []
        for waiting in line.values():
            if limit <= 0:
                break
            if waiting.shape == shape:
                limit -= waiting.rows
                if limit < 0:  # nobody overtakes one that is too large for what is left
                    break
                chosen.append(waiting)
        for waiting in chosen:
            del line[waiting.number]
        return chosen
