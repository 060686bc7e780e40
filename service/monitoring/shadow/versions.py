"""Loads the configured candidate, and promotes it without dropping a request."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from models.errors import KernelSightError
from models.manifest import Manifest
from models.runtime.loaded_model import LoadedModel
from models.runtime.model_info import ModelInfo
from models.store.promotions import write_promotion
from service.components import Components
from service.monitoring.errors import CandidateUnknown
from service.monitoring.shadow.candidate import check_outputs, find_candidate
from service.monitoring.shadow.comparator import ShadowComparator
from service.monitoring.shadow.metrics import ShadowMetrics, ShadowReport

log = logging.getLogger(__name__)


class ShadowVersions:
    """The live versions of the models, and the one candidate beside them."""

    def __init__(self, components: Components, on_promoted: Callable[[], None] = lambda: None) -> None:
        settings = components.settings
        self._components, self._on_promoted = components, on_promoted
        self._comparator = ShadowComparator(
            components.runtime,
            components.pool,
            settings.monitoring.shadow_share,
            ShadowMetrics(components.metrics.registry),
        )
        # The longest that an answer may take: callers get theirs.
        self._grace_seconds = settings.limits.document_seconds
        self._promotion_lock = asyncio.Lock()
        self._demotion: asyncio.Task[None] | None = None

    def report(self, model: str) -> ShadowReport | None:
        """The figures of a model's candidate, where it has one."""
        candidate = self._comparator.candidate
        return self._comparator.report() if candidate is not None and candidate.manifest.id == model else None

    @asynccontextmanager
    async def open(self) -> AsyncIterator["ShadowVersions"]:
        """Load the candidate of the settings. One that cannot be loaded is only logged: the live version goes on.

        Raises SettingsInvalid, ModelUnknown or CatalogInvalid.
        """
        if self._components.settings.monitoring.shadow is not None:
            await self._load_candidate(self._components.settings.monitoring.shadow)
        try:
            yield self
        finally:
            if self._demotion is not None:
                await asyncio.wait({self._demotion}, timeout=self._components.settings.limits.drain_seconds)
                self._demotion.cancel()
            candidate = self._comparator.candidate
            await self._comparator.close()
            if candidate is not None:
                await candidate.batcher.retire(grace_seconds=self._components.settings.limits.drain_seconds)

    async def promote(self, model: str, version: int | None = None) -> ModelInfo:
        """Make the candidate live, and the live version the candidate. Does nothing where `version` is live already.

        Raises CandidateUnknown, and what loading the model and storing the choice raise: then nothing has changed.
        """
        # Shielded: the client may disconnect in the middle of it.
        return await asyncio.shield(asyncio.ensure_future(self._promote(model, version)))

    async def _promote(self, model: str, version: int | None) -> ModelInfo:
        async with self._promotion_lock:
            if self._demotion is not None:
                await asyncio.wait({self._demotion})
            components, candidate = self._components, self._comparator.candidate
            if model in components.runtime.models and version == components.runtime.loaded(model).manifest.version:
                return components.runtime.loaded(model).model_info
            if candidate is None or candidate.manifest.id != model:
                raise CandidateUnknown(f"{model!r} has no shadow version here; KERNELSIGHT_SHADOW names one")
            if version not in (None, candidate.manifest.version):
                raise CandidateUnknown(
                    f"{model!r} has version {candidate.manifest.version} as its shadow version, not {version}"
                )
            loaded = await components.runtime.load(candidate.manifest)
            try:
                await asyncio.to_thread(
                    write_promotion, components.store, components.runtime.loaded(model).manifest, candidate.manifest
                )
            except KernelSightError:
                await loaded.batcher.retire(grace_seconds=0)
                raise
            before = components.runtime.promote(loaded)
            log.info(
                "%s: version %d is live now, version %d was", model, loaded.manifest.version, before.manifest.version
            )
            shadow = self._comparator.stop()
            self._demotion = asyncio.create_task(self._demote(before, shadow))
            self._on_promoted()
            return loaded.model_info

    async def _demote(self, before: LoadedModel, shadow: LoadedModel | None) -> None:
        """Retire the version that was live when its requests are answered, and load it as the candidate."""
        for loaded in (before, shadow):
            if loaded is not None:
                await loaded.batcher.retire(grace_seconds=self._grace_seconds)
        await self._start_shadow(before.manifest)

    async def _load_candidate(self, wanted: str) -> None:
        components = self._components
        try:
            manifest = await asyncio.to_thread(
                find_candidate, wanted, components.catalog, components.runtime, components.store
            )
        except OSError as error:
            log.error("no shadow version: %s: %s", wanted, error.strerror)
            return
        if manifest is None:
            log.info("no shadow version: %s is live already", wanted)
            return
        await self._start_shadow(manifest)

    async def _start_shadow(self, manifest: Manifest) -> None:
        try:
            if self._components.store.state(manifest) != "ready" and not manifest.needs_export:
                await asyncio.to_thread(self._components.store.pull_version, manifest)
            loaded = await self._components.runtime.load(manifest, as_shadow=True)
        except KernelSightError as error:
            log.error("no shadow version: %s %d: %s", manifest.id, manifest.version, error)
            return
        try:
            await check_outputs(self._components.runtime.loaded(manifest.id), loaded)
        except KernelSightError as error:
            log.error("no shadow version: %s %d: %s", manifest.id, manifest.version, error)
            await loaded.batcher.retire(grace_seconds=0)
            return
        log.info("%s: version %d is compared with the live version", manifest.id, manifest.version)
        self._comparator.start(loaded)
