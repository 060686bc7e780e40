"""One ONNX Runtime session on a real graph."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from models.errors import DeviceUnavailable, InferenceFailed, ModelCorrupt
from models.runtime.backends.onnxruntime import OnnxRuntimeSession, choose_device
from tests.models.tiny_graphs import SIZES, SLOW, image, means, write_graph, write_slow_graph

ENDLESS = 1 << 60


@pytest.fixture
def session(tmp_path: Path) -> OnnxRuntimeSession:
    return OnnxRuntimeSession(write_graph(tmp_path / "model.onnx"), device="cpu")


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("count", [1, 3])
def test_outputs_come_by_name_with_a_row_per_item(
    session: OnnxRuntimeSession, count: int, size: tuple[int, int]
) -> None:
    items = [image(seed, size) for seed in range(count)]
    outputs = session.run({"image": np.stack([one["image"] for one in items])})
    rows = [[round(float(value), 2) for value in row] for row in outputs["embedding"]]

    assert rows == [means(one) for one in items]
    assert outputs["grid"].shape == (count, *size, 3)


def test_a_session_knows_its_names_and_its_provider(session: OnnxRuntimeSession) -> None:
    assert session.input_names == ("image",)
    assert session.output_names == ("embedding", "grid")
    assert session.provider == "CPUExecutionProvider"


@pytest.mark.parametrize("content", [b"", b"<html>not a graph</html>", bytes(1000)], ids=["empty", "page", "zeros"])
def test_a_file_that_is_no_graph_is_corrupt_and_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)

    with pytest.raises(ModelCorrupt, match=r"model\.onnx"):
        OnnxRuntimeSession(path, device="cpu")


def test_a_file_that_is_gone_is_corrupt_and_named(tmp_path: Path) -> None:
    with pytest.raises(ModelCorrupt, match=r"gone\.onnx"):
        OnnxRuntimeSession(tmp_path / "gone.onnx", device="cpu")


@pytest.mark.parametrize(
    "feeds",
    [
        {"image": np.zeros((1, 4, 4, 3), np.float32)},
        {"image": np.zeros((1, 4, 4, 4), np.uint8)},
        {"picture": np.zeros((1, 4, 4, 3), np.uint8)},
        {},
    ],
    ids=["dtype", "shape", "name", "nothing"],
)
def test_feeds_that_onnx_runtime_refuses_fail_the_inference(
    session: OnnxRuntimeSession, feeds: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]
) -> None:
    with pytest.raises(InferenceFailed):
        session.run(feeds)


def test_a_failed_run_leaves_the_session_usable(session: OnnxRuntimeSession) -> None:
    with pytest.raises(InferenceFailed):
        session.run({})
    outputs = session.run({"image": image(1)["image"][None]})

    assert outputs["embedding"].shape == (1, 3)


def test_a_session_that_was_stopped_refuses_to_run(session: OnnxRuntimeSession) -> None:
    session.stop()

    with pytest.raises(InferenceFailed):
        session.run({"image": image(1)["image"][None]})


def test_stop_ends_a_run_that_would_never_return(tmp_path: Path) -> None:
    session = OnnxRuntimeSession(write_slow_graph(tmp_path / "model.onnx", turns=ENDLESS), device="cpu")
    errors: list[InferenceFailed] = []
    starts = threading.Event()

    def run() -> None:
        starts.set()
        try:
            session.run({"image": np.full((1, 4, 4, 3), SLOW, np.uint8)})
        except InferenceFailed as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    starts.wait()
    time.sleep(0.05)  # now it is most likely inside, where stopping is hard
    session.stop()
    thread.join(timeout=30)

    assert len(errors) == 1
    assert not thread.is_alive()


@pytest.mark.skipif(choose_device("auto") == "cuda", reason="this machine has CUDA")
def test_asking_for_missing_cuda_says_what_to_do() -> None:
    with pytest.raises(DeviceUnavailable, match="'gpu' extra"):
        choose_device("cuda")


def test_the_cpu_is_chosen_when_asked_for() -> None:
    assert choose_device("cpu") == "cpu"
