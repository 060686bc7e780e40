"""What the encoder gave for the last images, and is giving for those that are on their way.

    get ─► done? ─► the outputs                                      hit
           on its way, for a request of this priority? ─► wait       hit
           else ─► a pass of its own, which later callers share      miss

A pass belongs to none of those who wait for it: one may be cancelled or run out of time, and the others get their
answer. When nobody waits any more, it is cancelled.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from models.inference import Inference
from models.priority import Priority
from models.runtime.session import Array

Key = tuple[str, ...]  # whatever makes the outputs what they are: first the sha256 of the graph
Work = Callable[[], Coroutine[Any, Any, Inference]]


@dataclass(slots=True)
class _Pass:
    task: asyncio.Task[Inference]
    waiting: int = 0


class EncoderCache:
    """Of at most `limit` images, those that were asked for last; about 0.25 MB each. Lives on one event loop."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.hits = self.misses = 0
        self._done: OrderedDict[Key, Inference] = OrderedDict()
        self._running: dict[tuple[Key, Priority], _Pass] = {}

    async def get(self, key: Key, priority: Priority, work: Work) -> Inference:
        """What `work` gives, its outputs read-only; raises what it raises, which is not kept."""
        if key in self._done:
            self.hits += 1
            self._done.move_to_end(key)
            return self._done[key]
        # Of one priority only: somebody who waits must not come to stand in the line of bulk work.
        place = key, priority
        if place in self._running:
            self.hits += 1
        else:
            self.misses += 1
            self._running[place] = _Pass(asyncio.create_task(self._pass(key, work)))
        return await self._wait_for(place)

    async def _wait_for(self, place: tuple[Key, Priority]) -> Inference:
        shared = self._running[place]
        shared.waiting += 1
        try:
            return await asyncio.shield(shared.task)
        finally:
            shared.waiting -= 1
            if not shared.waiting:
                del self._running[place]
                shared.task.cancel()  # of no effect where it is done

    async def _pass(self, key: Key, work: Work) -> Inference:
        answer = await work()
        answer = replace(answer, outputs={name: _kept(values) for name, values in answer.outputs.items()})
        if answer.served is not None and answer.served.sha256 != key[0]:
            return answer  # another version was promoted meanwhile
        self._done[key] = answer
        if len(self._done) > self.limit:
            self._done.popitem(last=False)
        return answer


def _kept(values: Array) -> Array:
    """A copy, for it may be a view that keeps a whole batch alive, and one that nobody can spoil for the others."""
    own = values.copy()
    own.flags.writeable = False
    return own
