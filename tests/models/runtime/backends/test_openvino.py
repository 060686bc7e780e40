"""Properties of OpenVINO's sessions: they start every time, stop, and run at their worker's priority."""

import asyncio
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from models.runtime.batcher import Batcher
from models.runtime.session_worker import BatchPlan
from models.thread_priority import NICE
from models.variants.sessions import open_session
from models.variants.variant import BFLOAT16, FLOAT32
from tests.models.tiny_graphs import ENDLESS, SIZES, image, means, write_classifier_graph, write_graph, write_slow_graph

pytest.importorskip("openvino", reason="the extra openvino is not installed")

STARTS = 20
PATIENCE_SECONDS = 120

START = """
    import asyncio, sys
    from pathlib import Path
    import numpy as np
    from models.runtime.batcher import Batcher
    from models.runtime.session_worker import BatchPlan
    from models.variants.sessions import open_session
    from models.variants.variant import FLOAT32

    async def start() -> None:
        probes = [{"image": np.full((size, size, 3), 127, np.uint8)} for size in (4, 8)]
        plan, graph = BatchPlan(workers=4, hang_seconds=30), Path(sys.argv[1])
        batchers = await asyncio.gather(
            *(Batcher.open(str(one), lambda: open_session(FLOAT32, graph), probes, plan) for one in range(2))
        )
        answers = await asyncio.gather(*(one.infer(probes[0]) for one in batchers for _ in range(8)))
        print(sum(answer.outputs["embedding"].tolist() == [127, 127, 127] for answer in answers))
        for one in batchers:
            await one.close(grace_seconds=5)

    asyncio.run(start())
"""

STOP = """
    import sys, threading, time
    from pathlib import Path
    import numpy as np
    from models.errors import InferenceFailed
    from models.variants.sessions import open_session
    from models.variants.variant import FLOAT32

    session = open_session(FLOAT32, Path(sys.argv[1]))
    session.run({"image": np.zeros((1, 4, 4, 3), np.uint8)})

    def run() -> None:
        try:
            session.run({"image": np.full((1, 4, 4, 3), 255, np.uint8)})
        except InferenceFailed as error:
            print(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    time.sleep(0.1)
    session.stop()
    thread.join(30)
    del session
    print(thread.is_alive())
"""


def run_script(script: str, graph: Path) -> str:
    """In a process of its own, which ends what it leaves running."""
    root = Path(__file__).parents[4]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(graph)],
        cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True, timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_twenty_starts_of_many_workers_all_become_ready(tmp_path: Path) -> None:
    graph = write_graph(tmp_path / "model.onnx")
    answers = [run_script(START, graph).strip() for _ in range(STARTS)]

    assert answers == ["16"] * STARTS


def test_stop_ends_a_run_that_would_never_return(tmp_path: Path) -> None:
    printed = run_script(STOP, write_slow_graph(tmp_path / "model.onnx", turns=ENDLESS))

    assert printed.splitlines() == ["the session was stopped", "False"]


@pytest.mark.skipif(sys.platform != "linux", reason="priorities of threads are Linux's")
def test_threads_of_a_model_that_gives_way_have_its_priority(tmp_path: Path) -> None:
    graph = write_graph(tmp_path / "model.onnx")

    async def start(*, gives_way: bool) -> list[int]:
        before = set(Path("/proc/self/task").iterdir())
        batcher = await Batcher.open(
            "tiny", lambda: open_session(FLOAT32, graph), [image(1)], BatchPlan(gives_way=gives_way)
        )
        await batcher.infer(image(2))
        started = set(Path("/proc/self/task").iterdir()) - before
        nices = [os.getpriority(os.PRIO_PROCESS, int(one.name)) for one in started]
        await batcher.close(grace_seconds=5)
        return nices

    normal = os.getpriority(os.PRIO_PROCESS, 0)

    assert asyncio.run(start(gives_way=True)).count(NICE) > 1  # the session worker's thread and OpenVINO's
    assert set(asyncio.run(start(gives_way=False))) == {normal}


def test_bfloat16_is_close_to_float32_and_repeatable(tmp_path: Path) -> None:
    graph, rows = write_classifier_graph(tmp_path / "model.onnx"), {"image": image(1)["image"][None]}
    exact = open_session(FLOAT32, graph).run(rows)["embedding"]
    first, second = (open_session(BFLOAT16, graph).run(rows)["embedding"] for _ in range(2))

    assert np.allclose(first, exact, rtol=0.03, atol=0.03)
    assert np.array_equal(first, second)


def test_shapes_may_alternate(tmp_path: Path) -> None:
    session = open_session(FLOAT32, write_graph(tmp_path / "model.onnx"))
    items = [image(seed, SIZES[seed % 3]) for seed in range(9)]
    found = [session.run({"image": one["image"][None]})["embedding"][0] for one in items]

    assert [[round(float(mean), 2) for mean in row] for row in found] == [means(one) for one in items]
