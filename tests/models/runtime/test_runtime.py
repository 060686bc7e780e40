"""From a manifest in a store to an answer, on real sessions."""

import asyncio
import gc
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import numpy as np
import pytest

from models.errors import DeadlineExceeded, DeviceUnavailable, ModelCorrupt, ModelMissing, TensorRejected
from models.inference import BatchRecord, Inference
from models.manifest import Manifest
from models.runtime.backends.onnxruntime import choose_device
from models.runtime.model_info import ModelInfo, ModelStatus
from models.runtime.runtime import Runtime, RuntimeObserver
from models.runtime.session_worker import BatchPlan
from models.store.sources import hash_file
from models.store.store import Store
from models.variants.choice import ONLY_REFERENCE, VariantWish
from models.variants.variant import Variant
from tests.models.backends import BACKENDS
from tests.models.tiny_graphs import SIZES, SLOW, fill_store, image, make_manifest, means, write_graph, write_slow_graph

needs_no_cuda = pytest.mark.skipif(choose_device("auto") == "cuda", reason="this machine has CUDA")


@pytest.fixture
def tiny(tmp_path: Path) -> Manifest:
    return make_manifest(write_graph(tmp_path / "tiny.onnx"))


@asynccontextmanager
async def running(
    store: Store,
    *manifests: Manifest,
    probe_after_seconds: float = 10.0,
    observer: RuntimeObserver = lambda model_info, record: None,
    wish: VariantWish = ONLY_REFERENCE,
) -> AsyncIterator[Runtime]:
    runtime = Runtime(store, device="cpu", probe_after_seconds=probe_after_seconds, observer=observer, wish=wish)
    for manifest in manifests:
        await runtime.open(manifest)
    try:
        yield runtime
    finally:
        await runtime.close()


def embedding(answer: Inference) -> list[float]:
    return [round(float(value), 2) for value in answer.outputs["embedding"]]


@pytest.mark.parametrize("variant", BACKENDS)
def test_every_accepted_shape_is_answered_with_its_own_answer(tmp_path: Path, tiny: Manifest, variant: Variant) -> None:
    items = [image(seed, size) for seed in range(20) for size in SIZES]

    async def scenario() -> list[list[float]]:
        wish = VariantWish(variant.backend, variant.precision)
        async with running(fill_store(tmp_path / "store", tiny), tiny, wish=wish) as runtime:
            answers = await asyncio.gather(*(runtime.infer("tiny", one) for one in items))
        return [embedding(answer) for answer in answers]

    assert asyncio.run(scenario()) == [means(one) for one in items]


def test_answers_have_timings_and_no_batch_axis(tmp_path: Path, tiny: Manifest) -> None:
    async def scenario() -> Inference:
        async with running(fill_store(tmp_path / "store", tiny), tiny) as runtime:
            return await runtime.infer("tiny", image(1, SIZES[1]), priority="batch", deadline=monotonic() + 60)

    answer = asyncio.run(scenario())
    shapes = {name: value.shape for name, value in answer.outputs.items()}

    assert shapes == {"embedding": (3,), "grid": (*SIZES[1], 3)}
    assert answer.batch_size == 1
    assert answer.run_seconds > 0
    assert answer.wait_seconds >= 0


@pytest.mark.parametrize("shape", [(5, 5, 3), (6, 4, 3), (4, 4, 1), (1, 4, 4, 3)], ids=str)
def test_a_shape_that_the_manifest_does_not_list_is_refused(
    tmp_path: Path, tiny: Manifest, shape: tuple[int, ...]
) -> None:
    async def scenario() -> None:
        async with running(fill_store(tmp_path / "store", tiny), tiny) as runtime:
            await runtime.infer("tiny", {"image": np.zeros(shape, np.uint8)})

    with pytest.raises(TensorRejected, match="'tiny'"):
        asyncio.run(scenario())


def test_a_model_that_is_not_loaded_names_the_command(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(Store(tmp_path)) as runtime:
            await runtime.infer("tiny", image(1))

    with pytest.raises(ModelMissing, match="kernelsight models pull tiny"):
        asyncio.run(scenario())


def test_a_model_that_was_never_pulled_does_not_open(tmp_path: Path, tiny: Manifest) -> None:
    async def scenario() -> None:
        async with running(Store(tmp_path / "store"), tiny):
            pass

    with pytest.raises(ModelMissing, match="kernelsight models pull tiny"):
        asyncio.run(scenario())


def test_a_file_that_is_no_graph_does_not_open(tmp_path: Path) -> None:
    path = tmp_path / "page.onnx"
    path.write_bytes(b"<html>log in first</html>")
    manifest = make_manifest(path)

    async def scenario() -> None:
        async with running(fill_store(tmp_path / "store", manifest), manifest):
            pass

    with pytest.raises(ModelCorrupt, match=r"model\.onnx"):
        asyncio.run(scenario())


@needs_no_cuda
def test_asking_for_missing_cuda_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DeviceUnavailable, match="cuda"):
        Runtime(Store(tmp_path), device="cuda")


@needs_no_cuda
def test_auto_runs_on_the_cpu_where_there_is_nothing_else(tmp_path: Path) -> None:
    assert Runtime(Store(tmp_path), device="auto").device == "cpu"


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs Linux")
def test_the_cpu_plan_is_one_single_threaded_session_per_core(tmp_path: Path, tiny: Manifest) -> None:
    plan = Runtime(Store(tmp_path), device="cpu", queue_limit=7, hang_seconds=3).plan(tiny)

    assert plan == BatchPlan(
        workers=len(os.sched_getaffinity(0)), threads=1, max_batch=1, pads=False, queue_limit=7, hang_seconds=3
    )


def test_models_of_some_tasks_give_way(tmp_path: Path, tiny: Manifest) -> None:
    runtimes = [Runtime(Store(tmp_path), device="cpu", giving_way=tasks) for tasks in ((), (tiny.task,))]

    assert [runtime.plan(tiny).gives_way for runtime in runtimes] == [False, True]


@pytest.mark.parametrize(("probe_after_seconds", "batches"), [(0.0, 2), (3600.0, 1)])
def test_a_check_infers_only_when_nothing_completed_lately(
    tmp_path: Path, tiny: Manifest, probe_after_seconds: float, batches: int
) -> None:
    observed: list[tuple[str, str]] = []

    def note(model_info: ModelInfo, record: BatchRecord) -> None:
        observed.append((model_info.provider, record.model))

    async def scenario() -> dict[str, str | None]:
        store = fill_store(tmp_path / "store", tiny)
        async with running(store, tiny, probe_after_seconds=probe_after_seconds, observer=note) as runtime:
            await runtime.infer("tiny", image(1))
            return await runtime.check()

    health = asyncio.run(scenario())

    assert health == {"tiny": None}
    assert observed == [("CPUExecutionProvider", "tiny")] * batches


def test_a_check_tells_a_stuck_model_from_a_healthy_one(tmp_path: Path, tiny: Manifest) -> None:
    slow = make_manifest(write_slow_graph(tmp_path / "slow.onnx", turns=1_000_000), id="slow")
    stuck = {"image": np.full((*SIZES[0], 3), SLOW, np.uint8)}

    async def scenario() -> dict[str, str | None]:
        async with running(fill_store(tmp_path / "store", slow, tiny), slow, tiny, probe_after_seconds=0) as runtime:
            crowd = runtime.plan(slow).workers + 100
            callers = [asyncio.create_task(runtime.infer("slow", stuck)) for _ in range(crowd)]
            await asyncio.sleep(0)
            health = await runtime.check(timeout_seconds=0.5)
            for caller in callers:
                caller.cancel()
        return health

    health = asyncio.run(scenario())

    assert health["tiny"] is None
    assert health["slow"] == str(DeadlineExceeded("'slow'"))


def test_opening_a_model_twice_loads_it_once(tmp_path: Path, tiny: Manifest) -> None:
    manifest = tiny.model_copy(update={"id": "opened-twice"})

    async def scenario() -> tuple[int, int]:
        async with running(fill_store(tmp_path / "store", manifest), manifest, manifest) as runtime:
            threads = sum(thread.name == "session worker opened-twice" for thread in threading.enumerate())
            return threads, runtime.plan(manifest).workers

    threads, planned = asyncio.run(scenario())

    assert threads == planned


def test_the_status_of_every_model_has_its_model_info(tmp_path: Path, tiny: Manifest) -> None:
    other, graph = tiny.model_copy(update={"id": "other", "version": 2}), tmp_path / "tiny.onnx"

    async def scenario() -> list[ModelStatus]:
        async with running(fill_store(tmp_path / "store", tiny, other), tiny, other) as runtime:
            return runtime.statuses()

    statuses = asyncio.run(scenario())

    sha256, size = hash_file(graph), graph.stat().st_size
    assert [one.model_info for one in statuses] == [
        ModelInfo(id, version, sha256, "CPUExecutionProvider", "other", size)  # it has no weights
        for id, version in (("tiny", 1), ("other", 2))
    ]
    cores = len(os.sched_getaffinity(0))
    assert [(one.waiting, one.workers, one.busy, one.respawns) for one in statuses] == [
        ({"interactive": 0, "batch": 0}, cores, 0, 0)
    ] * 2


def resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
@pytest.mark.parametrize("variant", BACKENDS)
def test_memory_stays_flat_while_shapes_alternate(tmp_path: Path, variant: Variant) -> None:
    sizes = ((64, 64), (64, 96), (96, 96))
    shapes = make_manifest(write_graph(tmp_path / "tiny.onnx"))
    manifest = shapes.model_copy(update={"input": shapes.input.model_copy(update={"sizes": sizes})})
    items = [image(seed, size) for seed, size in enumerate(sizes)]

    async def send(runtime: Runtime, count: int) -> None:
        for _ in range(count // 20):
            await asyncio.gather(*(runtime.infer("tiny", items[number % 3]) for number in range(20)))

    async def scenario() -> int:
        wish = VariantWish(variant.backend, variant.precision)
        async with running(fill_store(tmp_path / "store", manifest), manifest, wish=wish) as runtime:
            await send(runtime, 500)
            before = resident_bytes()
            await send(runtime, 3000)  # their inputs and outputs together are 290 MB
            return resident_bytes() - before

    assert asyncio.run(scenario()) < 8 << 20
