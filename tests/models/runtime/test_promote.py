"""A shadow version beside the serving one, and the switch between them under load, on real sessions."""

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from models.arrays import Array
from models.inference import BatchRecord, Inference
from models.manifest import Manifest
from models.runtime.model_info import ModelInfo
from models.runtime.runtime import Runtime
from models.runtime.traffic import as_traffic
from models.store.store import Store
from tests.models.tiny_graphs import fill_store, image, make_manifest, means, write_classifier_graph, write_graph

ITEM = image(1)
ROWS = {"image": np.stack([image(seed)["image"] for seed in range(5)])}


@pytest.fixture
def first(tmp_path: Path) -> Manifest:
    return make_manifest(write_graph(tmp_path / "first.onnx"))


@pytest.fixture
def second(tmp_path: Path) -> Manifest:
    return make_manifest(write_classifier_graph(tmp_path / "second.onnx"), version=2)


@pytest.fixture
def store(tmp_path: Path, first: Manifest, second: Manifest) -> Store:
    return fill_store(tmp_path / "store", first, second)


@asynccontextmanager
async def running(store: Store, manifest: Manifest, observed: list[int] | None = None) -> AsyncIterator[Runtime]:
    def observe(model_info: ModelInfo, record: BatchRecord) -> None:
        if observed is not None:
            observed.append(model_info.version)

    runtime = Runtime(store, device="cpu", observer=observe)
    await runtime.open(manifest)
    try:
        yield runtime
    finally:
        await runtime.close()


def is_the_first(answer: Inference, inputs: Mapping[str, Array]) -> bool:
    rows = inputs["image"] if inputs["image"].ndim == 4 else inputs["image"][None]
    found = answer.outputs["embedding"].reshape(-1, 3)
    return [[round(float(value), 2) for value in row] for row in found] == [means({"image": row}) for row in rows]


def test_under_load_every_answer_comes_whole_from_the_version_it_names(
    store: Store, first: Manifest, second: Manifest
) -> None:
    answers: list[tuple[bool, Inference, Mapping[str, Array]]] = []

    async def scenario() -> None:
        done = promoted = False

        async def caller(number: int) -> None:
            while not done:
                began_after = promoted
                if number % 2:
                    answers.append((began_after, await runtime.infer("tiny", ITEM), ITEM))
                else:
                    answers.append((began_after, await runtime.infer_many("tiny", ROWS, priority="batch"), ROWS))

        async with running(store, first) as runtime:
            callers = [asyncio.create_task(caller(number)) for number in range(16)]
            loaded = await runtime.load(second)
            while len(answers) < 200:
                await asyncio.sleep(0)
            before, promoted = runtime.promote(loaded), True
            await before.batcher.retire(grace_seconds=60)
            after = len(answers) + 200
            while len(answers) < after:
                await asyncio.sleep(0)
            done = True
            await asyncio.gather(*callers)

    asyncio.run(scenario())

    versions = [answer.model_info.version for _, answer, _ in answers if answer.model_info]
    assert [is_the_first(answer, inputs) for _, answer, inputs in answers] == [one == 1 for one in versions]
    assert {version for (later, *_), version in zip(answers, versions, strict=True) if later} == {2}
    assert set(versions) == {1, 2}


def test_a_retired_graph_answers_waiting_requests_and_ends_its_threads(
    store: Store, first: Manifest, second: Manifest
) -> None:
    async def scenario() -> tuple[list[int], int]:
        async with running(store, first) as runtime:
            waiting = [asyncio.create_task(runtime.infer_many("tiny", ROWS)) for _ in range(20)]
            await asyncio.sleep(0)
            await runtime.promote(await runtime.load(second)).batcher.retire(grace_seconds=60)
            answers = [task.result() for task in waiting]
            threads = sum(thread.name == "session worker tiny" for thread in threading.enumerate())
            return [one.model_info.version for one in answers if one.model_info], threads - runtime.plan(second).workers

    versions, extra_threads = asyncio.run(scenario())

    assert versions == [1] * 20
    assert extra_threads == 0


def test_a_shadow_version_answers_no_requests_and_is_not_observed(
    store: Store, first: Manifest, second: Manifest
) -> None:
    observed: list[int] = []

    async def scenario() -> tuple[int | None, int, int]:
        async with running(store, first, observed) as runtime:
            shadow = await runtime.load(second, as_shadow=True)
            asked = await runtime.infer("tiny", ITEM)
            own = await shadow.batcher.infer(ITEM, priority="batch")
            await shadow.batcher.retire(grace_seconds=60)
            assert asked.model_info
            assert own.model_info
            return asked.model_info.version, own.model_info.version, shadow.batcher.plan.workers

    live_version, shadow_version, shadow_workers = asyncio.run(scenario())

    assert live_version == 1
    assert shadow_version == 2
    assert shadow_workers == 1
    assert observed == [1]


def test_a_listener_gets_only_traffic_and_may_fail(store: Store, first: Manifest) -> None:
    received: list[tuple[object, Inference]] = []

    def listen(inputs: Mapping[str, Array], answer: Inference) -> None:
        received.append((inputs, answer))
        raise ZeroDivisionError

    async def scenario() -> Inference:
        async with running(store, first) as runtime:
            runtime.set_listener("tiny", listen)
            with as_traffic(False):
                await runtime.infer("tiny", ITEM)
            return await runtime.infer("tiny", ITEM)

    answer = asyncio.run(scenario())

    [(inputs, passed_on)] = received
    assert inputs is ITEM
    assert passed_on is answer
