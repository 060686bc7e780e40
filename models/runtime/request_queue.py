"""The bounded request queue in front of a model's sessions: two priorities, batches of one shape.

    put ──► interactive ▮▮▮ ─┐
                             ├─► take(limit) ──► [same shape, oldest first, at most limit rows]
    put ──► batch ▮▮▮▮▮▮▮ ───┘

The event loop puts, worker threads take. Every method holds one lock, and only `take` waits.
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

# While batch work waits, at most this many interactive batches go first before it gets one turn.
INTERACTIVE_BATCHES_PER_TURN = 8

T = TypeVar("T")

_numbers = count()


@dataclass(eq=False, slots=True)
class QueuedRequest(Generic[T]):
    """One queued request: `rows` items of one `shape`. Only requests of the same shape share a batch.

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
    """`limit` bounds each priority separately, so that a flood of batch work cannot shut out people."""

    def __init__(self, name: str, limit: int, *, clock: Callable[[], float] = monotonic) -> None:
        self.name, self.limit = name, limit
        self._clock = clock
        self._queues: dict[Priority, OrderedDict[int, QueuedRequest[T]]] = {one: OrderedDict() for one in PRIORITIES}
        self._changed = threading.Condition()
        self._interactive_in_a_row = 0  # interactive batches since batch work last had its turn
        self._closed = False

    def put(self, request: QueuedRequest[T], *, retry_seconds: float = 1.0) -> None:
        """Raises Overloaded when the queue of that priority is full, or when the queue is closed."""
        with self._changed:
            queue = self._queues[request.priority]
            if self._closed or len(queue) >= self.limit:
                raise Overloaded(f"{self.name} ({request.priority})", len(queue), retry_seconds)
            queue[request.number] = request
            self._changed.notify()

    def discard(self, request: QueuedRequest[T]) -> bool:
        """Remove a request; False when a worker has taken it already."""
        with self._changed:
            return self._queues[request.priority].pop(request.number, None) is not None

    def take(self, limit: int, *, wait: bool = True) -> list[QueuedRequest[T]] | None:
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
        """Refuse new requests; queued ones are still served."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def drain(self) -> list[QueuedRequest[T]]:
        """Empty the queue at once and return the requests that were in it."""
        with self._changed:
            requests = [request for queue in self._queues.values() for request in queue.values()]
            for queue in self._queues.values():
                queue.clear()
            return requests

    def depth(self, priority: Priority) -> int:
        with self._changed:
            return len(self._queues[priority])

    def oldest_seconds(self) -> float:
        """How long the oldest queued request has waited; 0 when the queue is empty."""
        with self._changed:
            heads = [next(iter(queue.values())).since for queue in self._queues.values() if queue]
            return max(0.0, self._clock() - min(heads)) if heads else 0.0

    def _drop_expired(self) -> None:
        now = self._clock()
        for queue in self._queues.values():
            expired = [one.number for one in queue.values() if one.deadline is not None and one.deadline <= now]
            for number in expired:
                del queue[number]  # the caller that awaits the answer has a timer of its own

    def _next_batch(self, limit: int) -> list[QueuedRequest[T]]:
        first = self._next_priority()
        if first is None:
            return []
        other: Priority = "batch" if first == "interactive" else "interactive"
        shape = next(iter(self._queues[first].values())).shape
        oldest_batch_work = next(iter(self._queues["batch"]), None)
        batch = self._take_of_shape(first, shape, limit)
        # A batch with room left also takes requests of the other priority: that costs the batch almost nothing.
        batch += self._take_of_shape(other, shape, limit - sum(request.rows for request in batch))
        # Only the oldest request counts: newer ones that are taken because their shape fits
        # must not keep it waiting for ever.
        if oldest_batch_work is None or oldest_batch_work not in self._queues["batch"]:
            self._interactive_in_a_row = 0
        else:
            self._interactive_in_a_row += 1
        return batch

    def _next_priority(self) -> Priority | None:
        is_turn_of_batch = self._interactive_in_a_row >= INTERACTIVE_BATCHES_PER_TURN
        if self._queues["batch"] and (not self._queues["interactive"] or is_turn_of_batch):
            return "batch"
        return "interactive" if self._queues["interactive"] else None

    def _take_of_shape(self, priority: Priority, shape: tuple[int, ...], limit: int) -> list[QueuedRequest[T]]:
        queue = self._queues[priority]
        chosen: list[QueuedRequest[T]] = []
        for request in queue.values():
            if limit <= 0:
                break
            if request.shape == shape:
                limit -= request.rows
                if limit < 0:  # no request overtakes an older one that is too large for the rows left
                    break
                chosen.append(request)
        for request in chosen:
            del queue[request.number]
        return chosen
