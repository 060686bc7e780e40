"""Caches the encoder's outputs for recent images, and shares passes that are still running.

    get ─► cached? ─► the outputs                              hit
           running, with the same priority? ─► wait            hit
           else ─► a new pass, which later callers share       miss

A pass belongs to none of its waiters: when one is cancelled or runs out of time, the others still get the outputs.
A pass without waiters is cancelled.
"""

from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from models.arrays import Array
from models.concurrency import SharedCalls
from models.inference import Inference
from models.priority import Priority

CacheKey = tuple[str, ...]  # everything that determines the outputs; the sha256 of the graph comes first
EncoderPass = Callable[[], Coroutine[Any, Any, Inference]]


class EncoderCache:
    """Keeps the `limit` most recently used images, about 0.25 MB each. Belongs to one event loop."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.hits = self.misses = 0
        self._cached: OrderedDict[CacheKey, Inference] = OrderedDict()
        self._running = SharedCalls[tuple[CacheKey, Priority], Inference]()

    async def get(self, key: CacheKey, priority: Priority, run_pass: EncoderPass) -> Inference:
        """The result of `run_pass` with read-only outputs. Raises what it raises; errors are not cached."""
        if key in self._cached:
            self.hits += 1
            self._cached.move_to_end(key)
            return self._cached[key]
        # Shared within one priority only: an interactive request must not wait in the queue of bulk work.
        pass_key = key, priority
        if pass_key in self._running:
            self.hits += 1
        else:
            self.misses += 1
        return await self._running.run(pass_key, lambda: self._run_and_store(key, run_pass))

    async def _run_and_store(self, key: CacheKey, run_pass: EncoderPass) -> Inference:
        inference = await run_pass()
        outputs = {name: _copy_read_only(values) for name, values in inference.outputs.items()}
        inference = replace(inference, outputs=outputs)
        if inference.model_info is not None and inference.model_info.sha256 != key[0]:
            return inference  # another version was promoted meanwhile
        self._cached[key] = inference
        if len(self._cached) > self.limit:
            self._cached.popitem(last=False)
        return inference


def _copy_read_only(values: Array) -> Array:
    """Copied because `values` may be a view that keeps a whole batch alive; read-only because callers share it."""
    copy = values.copy()
    copy.flags.writeable = False
    return copy
