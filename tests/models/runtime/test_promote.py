"""A second version of a model beside the first, and the switch between them under load, on real sessions."""

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from models.inference import BatchRecord, Inference
from models.manifest import Manifest
from models.runtime.model_info import Served
from models.runtime.runtime import Runtime, as_traffic
from models.runtime.session import Array
from models.store.store import Store
from tests.models.tiny_graphs import image, manifest_of, means, store_with, write_classifier_graph, write_graph

ITEM = image(1)
ROWS = {"image": np.stack([image(seed)["image"] for seed in range(5)])}


@pytest.fixture
def first(tmp_path: Path) -> Manifest:
    return manifest_of(write_graph(tmp_path / "first.onnx"))


@pytest.fixture
def second(tmp_path: Path) -> Manifest:
    return manifest_of(write_classifier_graph(tmp_path / "second.onnx"), version=2)


@pytest.fixture
def store(tmp_path: Path, first: Manifest, second: Manifest) -> Store:
    return store_with(tmp_path / "store", first, second)


@asynccontextmanager
async def running(store: Store, manifest: Manifest, heard: list[int] | None = None) -> AsyncIterator[Runtime]:
    def observe(served: Served, record: BatchRecord) -> None:
        if heard is not None:
            heard.append(served.version)

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


def test_under_load_no_request_is_lost_and_each_answer_is_whole_and_names_its_version(
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
            await before.retire(grace_seconds=60)
            after = len(answers) + 200
            while len(answers) < after:
                await asyncio.sleep(0)
            done = True
            await asyncio.gather(*callers)

    asyncio.run(scenario())

    versions = [answer.served.version for _, answer, _ in answers if answer.served]
    assert [is_the_first(answer, inputs) for _, answer, inputs in answers] == [one == 1 for one in versions]
    assert {version for (later, *_), version in zip(answers, versions, strict=True) if later} == {2}
    assert set(versions) == {1, 2}


def test_what_is_retired_answers_those_who_wait_and_then_ends_its_threads(
    store: Store, first: Manifest, second: Manifest
) -> None:
    async def scenario() -> tuple[list[int], int]:
        async with running(store, first) as runtime:
            waiting = [asyncio.create_task(runtime.infer_many("tiny", ROWS)) for _ in range(20)]
            await asyncio.sleep(0)
            await runtime.promote(await runtime.load(second)).retire(grace_seconds=60)
            answers = [task.result() for task in waiting]
            lanes = sum(thread.name == "lane tiny" for thread in threading.enumerate())
            return [one.served.version for one in answers if one.served], lanes - runtime.plan(second).lanes

    assert asyncio.run(scenario()) == ([1] * 20, 0)


def test_what_is_loaded_aside_answers_nobody_and_is_not_heard_of(
    store: Store, first: Manifest, second: Manifest
) -> None:
    heard: list[int] = []

    async def scenario() -> tuple[int | None, int, int]:
        async with running(store, first, heard) as runtime:
            aside = await runtime.load(second, aside=True)
            asked = await runtime.infer("tiny", ITEM)
            own = await aside.infer(ITEM, priority="batch", deadline=None)
            await aside.retire(grace_seconds=60)
            assert asked.served
            assert own.served
            return asked.served.version, own.served.version, aside.batcher.plan.lanes

    assert (asyncio.run(scenario()), heard) == ((1, 2, 1), [1])


def test_a_tap_hears_of_traffic_only_and_one_that_fails_costs_no_answer(store: Store, first: Manifest) -> None:
    heard: list[tuple[object, Inference]] = []

    def tap(inputs: Mapping[str, Array], answer: Inference) -> None:
        heard.append((inputs, answer))
        raise ZeroDivisionError

    async def scenario() -> Inference:
        async with running(store, first) as runtime:
            runtime.tap("tiny", tap)
            with as_traffic(False):
                await runtime.infer("tiny", ITEM)
            return await runtime.infer("tiny", ITEM)

    answer = asyncio.run(scenario())

    assert [(inputs is ITEM, told is answer) for inputs, told in heard] == [(True, True)]
