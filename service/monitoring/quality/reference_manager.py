"""Manages references while a service runs: captures them from traffic, stores them, and loads changed files."""

import asyncio
import logging
from collections.abc import AsyncIterator, Hashable, Iterable
from contextlib import asynccontextmanager

from models.errors import KernelSightError, Overloaded
from pipelines.cpu_pool import CpuPool
from service.hot_reload import file_state
from service.monitoring.errors import ReferencesNotWritable
from service.monitoring.quality.reference import Reference
from service.monitoring.quality.reference_store import ReferenceStore
from service.monitoring.quality.tracker import DriftTracker

log = logging.getLogger(__name__)

UPDATE_SECONDS = 2.0


class ReferenceManager:
    """Files are read and written in the pool. With `auto`, a subject without a reference captures one by itself."""

    def __init__(
        self, trackers: Iterable[DriftTracker], store: ReferenceStore, pool: CpuPool, *, auto: bool, observations: int
    ) -> None:
        self._trackers, self._store, self._pool = list(trackers), store, pool
        self._auto, self._observations = auto, observations
        self._file_states: dict[str, Hashable] = {}

    async def update(self) -> None:
        """Store finished captures, load changed references, and start captures where there is no reference."""
        for tracker in self._trackers:
            if tracker.capture is not None and tracker.capture.is_done:
                await self._store_capture(tracker)
            await self._load_if_changed(tracker)
            if self._auto and tracker.reference is None and tracker.capture is None:
                log.info(
                    "%s has no reference for drift: its first %d answers become the reference",
                    tracker.subject.name, self._observations,
                )  # fmt: skip
                tracker.start_capture(self._observations, "first answers")

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Update every few seconds, until the end of the block."""
        await self.update()

        async def update_forever() -> None:
            while True:
                await asyncio.sleep(UPDATE_SECONDS)
                try:
                    await self.update()
                except Overloaded:
                    log.debug("references are updated later: the pool is full")

        task = asyncio.create_task(update_forever())
        try:
            yield
        finally:
            task.cancel()

    async def _store_capture(self, tracker: DriftTracker) -> None:
        capture, tracker.capture = tracker.capture, None
        assert capture is not None
        if capture.source == "first answers" and tracker.subject.name in await self._pool.run(self._names):
            return  # another process was first
        reference = await self._pool.run(capture.reference)
        try:
            await self._pool.run(self._store.save, reference)
        except ReferencesNotWritable as error:
            log.warning("the reference of %s is lost when this process ends: %s", reference.subject, error)
            tracker.reference = reference

    def _names(self) -> list[str]:
        return self._store.names

    async def _load_if_changed(self, tracker: DriftTracker) -> None:
        name = tracker.subject.name
        state = await self._pool.run(file_state, [self._store.path(name)])
        if state == self._file_states.get(name):
            return
        self._file_states[name] = state
        try:
            reference = await self._pool.run(self._store.load, name)
        except KernelSightError as error:
            log.warning("%s", error)
            return
        self._replace_reference(tracker, reference)

    def _replace_reference(self, tracker: DriftTracker, reference: Reference | None) -> None:
        previous, tracker.reference = tracker.reference, reference
        if reference is None:
            if previous is not None:
                log.info("the reference of %s was removed", tracker.subject.name)
            return
        if tracker.capture is not None and tracker.capture.source == "first answers":
            tracker.capture = None
        if tracker.state == "stale":
            log.warning(
                "the reference of %s belongs to other models than run here, and is not used; "
                "`kernelsight reference capture` makes a new one", tracker.subject.name,
            )  # fmt: skip
        else:
            log.info("drift of %s is measured against %d answers", tracker.subject.name, reference.observations)
