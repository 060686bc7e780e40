"""Loads the candidate that the operator wants, and lets it take over without a request being dropped."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from models.errors import KernelSightError
from models.manifest import Manifest
from models.runtime.loaded_model import Loaded
from models.runtime.model_info import Served
from models.store.promotions import keep_promotion
from service.components import Components
from service.monitoring.errors import CandidateUnknown
from service.monitoring.shadow.candidate import candidate_of, check_outputs
from service.monitoring.shadow.comparator import Shadow
from service.monitoring.shadow.metrics import ShadowMetrics, ShadowReport

log = logging.getLogger(__name__)


class Versions:
    """The versions of a house's models: what answers, and the one candidate beside it."""

    def __init__(self, components: Components, on_promoted: Callable[[], None] = lambda: None) -> None:
        settings = components.settings
        self._house, self._on_promoted = components, on_promoted
        self._shadow = Shadow(
            components.runtime, components.pool, settings.shadow_share, ShadowMetrics(components.metrics.registry)
        )
        self._grace_seconds = settings.document_seconds  # whatever an answer may take, those who wait get theirs
        self._turn = asyncio.Lock()
        self._settling: asyncio.Task[None] | None = None

    def report(self, model: str) -> ShadowReport | None:
        """How the candidate of a model does, where it has one."""
        candidate = self._shadow.candidate
        return self._shadow.report() if candidate is not None and candidate.manifest.id == model else None

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Versions"]:
        """With the candidate of the settings. One that cannot be had is an error in the log: what answers, answers.

        Raises SettingsInvalid, ModelUnknown or CatalogInvalid.
        """
        if self._house.settings.shadow is not None:
            await self._load(self._house.settings.shadow)
        try:
            yield self
        finally:
            if self._settling is not None:
                await asyncio.wait({self._settling}, timeout=self._house.settings.drain_seconds)
                self._settling.cancel()
            candidate = self._shadow.candidate
            await self._shadow.close()
            if candidate is not None:
                await candidate.retire(grace_seconds=self._house.settings.drain_seconds)

    async def promote(self, model: str, version: int | None = None) -> Served:
        """Let the candidate answer, and what answered be the candidate; where `version` answers already, nothing.

        Raises CandidateUnknown, and what loading and keeping the choice raise: then nothing has changed.
        """
        # Whoever asked may leave in the middle of it.
        return await asyncio.shield(asyncio.ensure_future(self._promote(model, version)))

    async def _promote(self, model: str, version: int | None) -> Served:
        async with self._turn:
            if self._settling is not None:
                await asyncio.wait({self._settling})
            components, candidate = self._house, self._shadow.candidate
            if model in components.runtime.models and version == components.runtime.loaded(model).manifest.version:
                return components.runtime.loaded(model).served
            if candidate is None or candidate.manifest.id != model:
                raise CandidateUnknown(f"{model!r} has no second version here; KERNELSIGHT_SHADOW names one")
            if version not in (None, candidate.manifest.version):
                raise CandidateUnknown(
                    f"{model!r} has version {candidate.manifest.version} as its second, not {version}"
                )
            loaded = await components.runtime.load(candidate.manifest)
            try:
                await asyncio.to_thread(
                    keep_promotion, components.store, components.runtime.loaded(model).manifest, candidate.manifest
                )
            except KernelSightError:
                await loaded.retire(grace_seconds=0)
                raise
            before = components.runtime.promote(loaded)
            log.info("%s: version %d answers, %d did", model, loaded.manifest.version, before.manifest.version)
            aside = self._shadow.hide()
            self._settling = asyncio.create_task(self._settle(before, aside))
            self._on_promoted()
            return loaded.served

    async def _settle(self, before: Loaded, aside: Loaded | None) -> None:
        """What answered gives its threads back when it has no more to do, and becomes the candidate."""
        for loaded in (before, aside):
            if loaded is not None:
                await loaded.retire(grace_seconds=self._grace_seconds)
        await self._show(before.manifest)

    async def _load(self, wanted: str) -> None:
        components = self._house
        try:
            manifest = await asyncio.to_thread(
                candidate_of, wanted, components.catalog, components.runtime, components.store
            )
        except OSError as error:
            log.error("no second version: %s: %s", wanted, error.strerror)
            return
        if manifest is None:
            log.info("no second version: %s is what answers", wanted)
            return
        await self._show(manifest)

    async def _show(self, manifest: Manifest) -> None:
        try:
            if self._house.store.state(manifest) != "ready" and not manifest.needs_export:
                await asyncio.to_thread(self._house.store.take_in, manifest)
            loaded = await self._house.runtime.load(manifest, aside=True)
        except KernelSightError as error:
            log.error("no second version: %s %d: %s", manifest.id, manifest.version, error)
            return
        try:
            await check_outputs(self._house.runtime.loaded(manifest.id), loaded)
        except KernelSightError as error:
            log.error("no second version: %s %d: %s", manifest.id, manifest.version, error)
            await loaded.retire(grace_seconds=0)
            return
        log.info("%s: version %d is compared with what answers", manifest.id, manifest.version)
        self._shadow.show(loaded)
