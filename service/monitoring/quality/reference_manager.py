"""The life of references while a service runs: found in the folder, captured from traffic, taken over and stored."""

import asyncio
import logging
from collections.abc import AsyncIterator, Hashable, Iterable
from contextlib import asynccontextmanager

from models.errors import KernelSightError, Overloaded
from pipelines.cpu_pool import CpuPool
from service.hot_reload import file_state
from service.monitoring.errors import ReferencesNotWritable
from service.monitoring.quality.reference import Reference
from service.monitoring.quality.reference_store import References
from service.monitoring.quality.tracker import Tracker

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0


class Keeper:
    """What touches files is done in the pool. With `auto`, a subject without a reference captures one by itself."""

    def __init__(
        self, trackers: Iterable[Tracker], references: References, pool: CpuPool, *, auto: bool, observations: int
    ) -> None:
        self._trackers, self._references, self._pool = list(trackers), references, pool
        self._auto, self._observations = auto, observations
        self._seen: dict[str, Hashable] = {}

    async def look(self) -> None:
        """Store what was captured, take over what changed in the folder, begin what is to be captured."""
        for tracker in self._trackers:
            if tracker.capture is not None and tracker.capture.is_done:
                await self._finish(tracker)
            await self._take_over(tracker)
            if self._auto and tracker.reference is None and tracker.capture is None:
                log.info(
                    "%s has no reference for drift: its first %d answers become it",
                    tracker.subject.name, self._observations,
                )  # fmt: skip
                tracker.begin(self._observations, "first answers")

    @asynccontextmanager
    async def keeping(self) -> AsyncIterator[None]:
        """Look every few seconds, until the end of the block."""
        await self.look()

        async def go_on() -> None:
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                try:
                    await self.look()
                except Overloaded:
                    log.debug("references are looked at later: the pool is full")

        task = asyncio.create_task(go_on())
        try:
            yield
        finally:
            task.cancel()

    async def _finish(self, tracker: Tracker) -> None:
        capture, tracker.capture = tracker.capture, None
        assert capture is not None
        if capture.source == "first answers" and tracker.subject.name in await self._pool.run(self._names):
            return  # another process was first
        reference = await self._pool.run(capture.reference)
        try:
            await self._pool.run(self._references.save, reference)
        except ReferencesNotWritable as error:
            log.warning("the reference of %s is lost when this process ends: %s", reference.subject, error)
            tracker.reference = reference

    def _names(self) -> list[str]:
        return self._references.names

    async def _take_over(self, tracker: Tracker) -> None:
        name = tracker.subject.name
        state = await self._pool.run(file_state, [self._references.path(name)])
        if state == self._seen.get(name):
            return
        self._seen[name] = state
        try:
            reference = await self._pool.run(self._references.load, name)
        except KernelSightError as error:
            log.warning("%s", error)
            return
        self._set(tracker, reference)

    def _set(self, tracker: Tracker, reference: Reference | None) -> None:
        had, tracker.reference = tracker.reference, reference
        if reference is None:
            if had is not None:
                log.info("the reference of %s is gone", tracker.subject.name)
            return
        if tracker.capture is not None and tracker.capture.source == "first answers":
            tracker.capture = None
        if tracker.state == "stale":
            log.warning(
                "the reference of %s is of other models than run here, and is not compared with; "
                "`kernelsight reference capture` makes a new one", tracker.subject.name,
            )  # fmt: skip
        else:
            log.info("drift of %s is measured against %d answers", tracker.subject.name, reference.observations)
