"""A graph of a model that is open: it answers, says which graph did, and goes when nobody needs it any more."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace

from models.inference import Inference
from models.manifest import Manifest
from models.priority import PRIORITIES, Priority
from models.runtime.batcher import Batcher
from models.runtime.model_info import Served, Standing
from models.runtime.session import Array


class Loaded:
    """Lives on the event loop that its batcher was opened on."""

    def __init__(self, manifest: Manifest, served: Served, load_seconds: float, batcher: Batcher) -> None:
        self.manifest, self.served, self.load_seconds, self.batcher = manifest, served, load_seconds, batcher
        self._users = 0
        self._unused = asyncio.Event()
        self._unused.set()

    async def infer(self, inputs: Mapping[str, Array], *, priority: Priority, deadline: float | None) -> Inference:
        """One item; see `Batcher.infer`."""
        with self._used():
            answer = await self.batcher.infer(inputs, priority=priority, deadline=deadline)
        return replace(answer, served=self.served)

    async def infer_many(self, inputs: Mapping[str, Array], *, priority: Priority, deadline: float | None) -> Inference:
        """Items on a leading axis; see `Batcher.infer_many`."""
        with self._used():
            answer = await self.batcher.infer_many(inputs, priority=priority, deadline=deadline)
        return replace(answer, served=self.served)

    async def probe(self, *, deadline: float) -> None:
        """See `Batcher.probe`."""
        with self._used():
            await self.batcher.probe(deadline=deadline)

    @contextmanager
    def _used(self) -> Iterator[None]:
        self._users += 1
        self._unused.clear()
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                self._unused.set()

    async def retire(self, *, grace_seconds: float) -> None:
        """Close it once all who use it have their answers; after `grace_seconds` as `Batcher.close` does.

        The line is open until then: several blocks of one request come into it one after the other.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                await self._unused.wait()
        await self.batcher.close(grace_seconds=grace_seconds)

    def standing(self) -> Standing:
        return Standing(
            self.served,
            self.load_seconds,
            {priority: self.batcher.depth(priority) for priority in PRIORITIES},
            self.batcher.oldest_seconds(),
            self.batcher.lanes,
            self.batcher.busy,
            self.batcher.respawns,
        )
