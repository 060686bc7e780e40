"""OpenVINO on CPUs: sessions in float32, or in bfloat16 where the processor computes in it.

OpenVINO is Intel's runtime, under Apache-2.0. Its package brings `openvino_telemetry` along, which only its converter
of models uses: a session sends nothing.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import openvino as ov

from models.arrays import Array
from models.errors import InferenceFailed, ModelCorrupt
from models.onnx_proto import read_output_names

RUNTIME_VERSION: str = ov.__version__

_HINTS = {"float32": "f32", "bfloat16": "bf16"}
_POLL_MILLISECONDS = 200  # how often a run that takes long looks whether it was stopped

# Threads that each built their first tensors inside the binding have waited for each other for ever: sessions are
# opened, and run for the first time, one after the other.
_first_uses = threading.Lock()


def has_bfloat16() -> bool:
    """Whether the processor has instructions for it: elsewhere OpenVINO only emulates its rounding."""
    with _first_uses:
        return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class OpenVinoSession:
    """A `Session`: a graph that is compiled for the CPU.

    Rows run one by one, so that a row's output cannot depend on its neighbours: OpenVINO has other code for other
    shapes, and batches bring nothing on a CPU.
    """

    def __init__(
        self,
        path: Path,
        *,
        precision: Literal["float32", "bfloat16"] = "float32",
        threads: int = 1,
        extra_outputs: Sequence[str] = (),
    ) -> None:
        """`extra_outputs` names computed tensors of the graph that `run` returns beside its outputs.

        The threads that run it have the priority of the calling thread. Raises ModelCorrupt when the file is no graph
        or lacks these tensors.
        """
        self._stopped = self._has_run = False
        with _first_uses:
            try:
                self._request = _compile(path, precision, threads, extra_outputs).create_infer_request()
                # The request's own tensors, written in place from now on: none is built for a run.
                self._inputs = {
                    name: self._request.get_input_tensor(at)
                    for at, port in enumerate(self._request.model_inputs)
                    for name in port.names
                }
                self.input_names = tuple(port.any_name for port in self._request.model_inputs)
                self.output_names = (*read_output_names(path.read_bytes()), *extra_outputs)
            except Exception as cause:  # openvino raises RuntimeError for most
                raise ModelCorrupt(f"{str(path)!r} does not load in OpenVINO: {_first_line(cause)}") from cause

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        try:
            with self._alone_at_first():
                rows = [self._run_row(row) for row in _split_rows(feeds)]
        except InferenceFailed:
            raise
        except Exception as cause:
            raise InferenceFailed(f"session failed: {_first_line(cause)}") from cause
        if len(rows) == 1:
            return rows[0]
        return {name: np.concatenate([row[name] for row in rows]) for name in self.output_names}

    def stop(self) -> None:
        self._stopped = True
        self._request.cancel()  # takes effect between two nodes of the graph

    @contextmanager
    def _alone_at_first(self) -> Iterator[None]:
        if self._has_run:
            yield
            return
        with _first_uses:
            yield
        self._has_run = True

    def _run_row(self, row: Mapping[str, Array]) -> dict[str, Array]:
        if row.keys() != self._inputs.keys():
            raise InferenceFailed(f"the graph takes {sorted(self._inputs)}, got {sorted(row)}")
        for name, values in row.items():
            _write_tensor(self._inputs[name], values)
        if self._stopped:
            raise InferenceFailed("the session was stopped")
        self._request.start_async()
        while not self._request.wait_for(_POLL_MILLISECONDS):
            if self._stopped:
                self._leave_running()
                raise InferenceFailed("the session was stopped")
        outputs = (self._request.get_output_tensor(at) for at in range(len(self.output_names)))
        # Copies: the next run overwrites the request's own tensors.
        return dict(zip(self.output_names, (np.array(tensor.data) for tensor in outputs), strict=True))

    def _leave_running(self) -> None:
        """Keep a request that is stuck inside one node: whoever deleted it would wait for it."""
        threading.Thread(target=self._request.wait, daemon=True, name="stuck in OpenVINO").start()


def _compile(path: Path, precision: str, threads: int, extra_outputs: Sequence[str]) -> ov.CompiledModel:
    core = ov.Core()
    model = core.read_model(str(path))
    if extra_outputs:
        model.add_outputs(list(extra_outputs))
    hints = {
        "INFERENCE_PRECISION_HINT": _HINTS[precision],
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        # A pinned thread would wait for its core while another is free.
        "ENABLE_CPU_PINNING": False,
    }
    return core.compile_model(model, "CPU", hints)


def _split_rows(feeds: Mapping[str, Array]) -> Iterator[dict[str, Array]]:
    for row in range(max((len(values) for values in feeds.values()), default=1)):
        yield {name: values[row : row + 1] for name, values in feeds.items()}


def _write_tensor(tensor: ov.Tensor, values: Array) -> None:
    """Raises InferenceFailed where `values` have another type than the tensor: copying would convert them."""
    if values.dtype != tensor.data.dtype:
        raise InferenceFailed(f"the graph takes {tensor.data.dtype}, got {values.dtype}")
    if tuple(tensor.shape) != values.shape:
        tensor.shape = values.shape
    tensor.data[...] = values


def _first_line(cause: Exception) -> str:
    """OpenVINO's messages begin with the place in its source."""
    lines = [line for line in str(cause).splitlines() if line.strip()]
    return next((line for line in lines if not line.startswith("Exception from")), "no message")[:300]
