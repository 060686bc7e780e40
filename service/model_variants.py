"""Checks the variants of the models that serve, in the background, and lets each model's best one take over.

The service starts with what is known: where no figures of this machine are stored, that is float32. A model at a time,
a process of low priority measures; then the variant is loaded beside the one that serves, new requests go to it, and
the one before answers those that have asked it. `variants.json` keeps the figures, so this happens once a machine.
"""

import asyncio
import logging
import os
import sys
from contextlib import AbstractAsyncContextManager
from multiprocessing import get_context
from multiprocessing.context import SpawnProcess

from models.concurrency import running_beside
from models.errors import KernelSightError
from models.manifest import Manifest
from models.runtime.loaded_model import LoadedModel
from models.store.store import Store
from models.variants.gate import check_variants
from models.variants.record import read_checks
from models.variants.variant import Variant
from pipelines.allocator import give_back_free_blocks
from service.components import Components

GATE_NICE = 10  # of the measuring process: requests go first
GATE_SECONDS = 900.0  # for one model; a process that takes longer is ended

_NOT_STORED = 3  # exit status of the measuring process

log = logging.getLogger(__name__)


def improving_variants(components: Components) -> AbstractAsyncContextManager[None]:
    """Check and switch until the end of the block, where something is left to be checked."""
    return running_beside(_improve_all(components), name="variants")


async def _improve_all(components: Components) -> None:
    runtime, retiring = components.runtime, set[asyncio.Task[None]]()
    try:
        for model in runtime.models:
            try:
                if (before := await _improve(components, model)) is not None:
                    retiring.add(asyncio.create_task(_retire(before, components)))
            except KernelSightError as error:
                log.error("variants of %s: %s", model, error)
            except Exception:
                log.exception("bug in checking the variants of %s", model)
        if retiring:
            await asyncio.wait(retiring)
            await asyncio.to_thread(give_back_free_blocks)  # what loading models beside others took
    finally:
        for task in retiring:
            task.cancel()


async def _improve(components: Components, model: str) -> LoadedModel | None:
    """Measure what has no figures, and switch; returns what served before. Raises what reading and loading raise."""
    runtime, store = components.runtime, components.store
    manifest = runtime.loaded(model).manifest
    wanted = runtime.wish.to_check(runtime.variants)
    known = await asyncio.to_thread(read_checks, store, manifest)
    if not all(variant in known for variant in wanted):
        await _check_in_process(store, manifest, wanted)
    chosen = await asyncio.to_thread(runtime.choose_variant, manifest)
    if chosen == runtime.loaded(model).variant:
        return None
    loaded = await runtime.load(manifest)
    live = runtime.loaded(model)
    if live.manifest != manifest or live.variant == loaded.variant:  # promoted meanwhile, or it did not start
        await loaded.batcher.retire(grace_seconds=0)
        return None
    log.info("%s: %s serves from now on, %s did", model, loaded.variant, live.variant)
    return runtime.promote(loaded)


async def _retire(before: LoadedModel, components: Components) -> None:
    await before.batcher.retire(grace_seconds=components.settings.limits.document_seconds)


async def _check_in_process(store: Store, manifest: Manifest, variants: tuple[Variant, ...]) -> None:
    """Whatever a native library does, it does not do it to the service; figures come by way of the store."""
    process = get_context("spawn").Process(
        target=_check, args=(store, manifest, variants), name=f"variants of {manifest.id}"
    )
    await asyncio.to_thread(process.start)
    try:
        async with asyncio.timeout(GATE_SECONDS):
            while process.is_alive():
                await asyncio.sleep(0.2)
        if process.exitcode == _NOT_STORED:
            log.error("figures of %s's variants cannot be stored, so it runs as it did", manifest.id)
        elif process.exitcode:
            log.error("variants of %s were not measured: the process ended with %s", manifest.id, process.exitcode)
    except TimeoutError:
        log.error("variants of %s were not measured within %.0f s", manifest.id, GATE_SECONDS)
    finally:
        await _end(process)


async def _end(process: SpawnProcess) -> None:
    process.kill()
    await asyncio.shield(asyncio.to_thread(process.join))


def _check(store: Store, manifest: Manifest, variants: tuple[Variant, ...]) -> None:
    if hasattr(os, "nice"):
        os.nice(GATE_NICE)
    try:
        check_variants(store, manifest, variants)
    except OSError:
        sys.exit(_NOT_STORED)
