"""Variants are checked beside the service, and take over without dropping a request."""

import asyncio
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from models.inference import Inference
from models.manifest import Manifest
from models.runtime.runtime import Runtime
from models.store.store import VARIANTS_FILE, Store
from models.variants.choice import VariantWish
from models.variants.record import VariantCheck, read_checks, write_checks
from models.variants.variant import FLOAT32, REFERENCE
from service.components import Components
from service.model_variants import improving_variants
from service.settings import Settings
from tests.models.tiny_graphs import fill_store, image, make_manifest, write_classifier_graph

pytest.importorskip("openvino", reason="the extra openvino is not installed")

ITEM = image(1)
PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class FewComponents:
    """Those that variants need."""

    runtime: Runtime
    store: Store
    settings: Settings = field(default_factory=Settings)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return make_manifest(write_classifier_graph(tmp_path / "classes.onnx"), task="moderation-classes")


@pytest.fixture
def store(tmp_path: Path, manifest: Manifest) -> Store:
    return fill_store(tmp_path / "store", manifest)


async def open_runtime(store: Store, manifest: Manifest) -> tuple[Runtime, Components]:
    runtime = Runtime(store, device="cpu", wish=VariantWish())
    await runtime.open(manifest)
    return runtime, cast(Components, FewComponents(runtime, store))


def fast(runtime: Runtime) -> dict[Any, VariantCheck]:
    """OpenVINO's float32 passed; what else there is missed."""
    passed = VariantCheck(
        backend="openvino", precision="float32", misses=(), figures={}, milliseconds=1, reference_milliseconds=3
    )
    others = {one: VariantCheck.of_failure(one, "too far off") for one in runtime.variants if one != REFERENCE}
    return {**others, FLOAT32: passed}


def test_the_better_variant_takes_over_without_dropping_a_request(store: Store, manifest: Manifest) -> None:
    answers: list[Inference] = []

    async def scenario() -> int:
        runtime, components = await open_runtime(store, manifest)
        write_checks(store, manifest, fast(runtime))  # as if another process had measured since
        stop = asyncio.Event()

        async def call() -> None:
            while not stop.is_set():
                answers.append(await runtime.infer("tiny", ITEM))

        callers = [asyncio.create_task(call()) for _ in range(8)]
        while len(answers) < 50:
            await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE_SECONDS), improving_variants(components):
            while runtime.loaded("tiny").variant != FLOAT32:
                await asyncio.sleep(0.01)
            after = len(answers)
            while len(answers) < after + 50:
                await asyncio.sleep(0)
        stop.set()
        await asyncio.gather(*callers)
        await runtime.close()
        return after

    after = asyncio.run(scenario())

    backends = [answer.model_info.backend for answer in answers if answer.model_info]
    assert backends[0] == "onnxruntime"
    assert set(backends[after + 8 :]) == {"openvino"}
    assert all(np.allclose(one.outputs["embedding"], answers[0].outputs["embedding"], atol=1e-4) for one in answers)


def test_models_without_figures_are_measured_beside_the_service(store: Store, manifest: Manifest) -> None:
    async def scenario() -> tuple[set[Any], set[Any]]:
        runtime, components = await open_runtime(store, manifest)
        async with asyncio.timeout(PATIENCE_SECONDS), improving_variants(components):
            while not (found := await asyncio.to_thread(read_checks, store, manifest)):
                await asyncio.sleep(0.1)
        await runtime.close()
        return {REFERENCE, *found}, set(runtime.variants)

    measured, variants = asyncio.run(scenario())

    assert measured == variants


def test_a_measurement_that_fails_leaves_the_reference(
    store: Store, manifest: Manifest, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> object:
        runtime, components = await open_runtime(store, manifest)
        store.graph(manifest).write_bytes(b"damaged since")
        with caplog.at_level(logging.ERROR):
            async with asyncio.timeout(PATIENCE_SECONDS), improving_variants(components):
                while "were not measured" not in caplog.text:
                    await asyncio.sleep(0.01)
                answer = await runtime.infer("tiny", ITEM)
        await runtime.close()
        return answer.model_info and answer.model_info.backend

    assert asyncio.run(scenario()) == "onnxruntime"


def test_the_end_of_the_service_ends_a_measurement(store: Store, manifest: Manifest) -> None:
    async def scenario() -> int:
        runtime, components = await open_runtime(store, manifest)
        async with asyncio.timeout(PATIENCE_SECONDS), improving_variants(components):
            await asyncio.sleep(0.5)
        await runtime.close()
        return len(read_checks(store, manifest))

    assert asyncio.run(scenario()) == 0


def test_figures_that_cannot_be_stored_are_told(
    store: Store, manifest: Manifest, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> object:
        runtime, components = await open_runtime(store, manifest)
        (store.folder(manifest) / VARIANTS_FILE).mkdir()  # the tests' user may write everywhere
        with caplog.at_level(logging.ERROR):
            async with asyncio.timeout(PATIENCE_SECONDS), improving_variants(components):
                while "cannot be stored" not in caplog.text:
                    await asyncio.sleep(0.01)
                answer = await runtime.infer("tiny", ITEM)
        await runtime.close()
        return answer.model_info and answer.model_info.backend

    assert asyncio.run(scenario()) == "onnxruntime"
