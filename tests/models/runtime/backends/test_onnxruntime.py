"""Properties of ONNX Runtime's sessions, and the choice of the device."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from models.errors import DeviceUnavailable, InferenceFailed
from models.runtime.backends.onnxruntime import OnnxRuntimeSession, choose_device
from tests.models.tiny_graphs import ENDLESS, SLOW, write_graph, write_slow_graph


def test_a_session_knows_its_names_and_its_provider(tmp_path: Path) -> None:
    session = OnnxRuntimeSession(write_graph(tmp_path / "model.onnx"), device="cpu")

    assert session.input_names == ("image",)
    assert session.output_names == ("embedding", "grid")
    assert session.provider == "CPUExecutionProvider"


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
