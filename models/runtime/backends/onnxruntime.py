"""ONNX Runtime on CPUs and CUDA: sessions, the choice of the device, and metadata of graphs."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime as ort

from models.arrays import Array
from models.device import PROVIDERS, Device
from models.errors import DeviceUnavailable, InferenceFailed, ModelCorrupt
from models.onnx_proto import add_outputs

RUNTIME_VERSION: str = ort.__version__

log = logging.getLogger(__name__)


def choose_device(wanted: Literal["auto", "cpu", "cuda"]) -> Device:
    """CUDA where there is one, else the CPU; raises DeviceUnavailable when CUDA was asked for and is missing."""
    has_cuda = _cuda_works() if wanted != "cpu" else False
    if wanted == "cuda" and not has_cuda:
        raise DeviceUnavailable(
            "device 'cuda' was asked for, but ONNX Runtime finds no CUDA device here; "
            "install the 'gpu' extra and an NVIDIA driver, or choose 'cpu' or 'auto'"
        )
    device: Device = "cuda" if has_cuda else "cpu"
    log.info(
        "device %s chosen (asked for: %s; providers: %s)", device, wanted, ", ".join(ort.get_available_providers())
    )
    return device


def _cuda_works() -> bool:
    """Whether this build has the CUDA provider and the machine a device; loading a model then proves the rest."""
    if PROVIDERS["cuda"] not in ort.get_available_providers():
        return False
    ort.preload_dlls()  # finds the CUDA and cuDNN libraries that pip installed beside onnxruntime-gpu
    return any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists()  # the latter: Windows' Linux


class OnnxRuntimeSession:
    """A `Session`: a graph that is loaded on the CPU or on CUDA."""

    def __init__(
        self,
        path: Path,
        *,
        device: Device,
        threads: int = 1,
        shapes_vary: bool = False,
        extra_outputs: Sequence[str] = (),
    ) -> None:
        """`extra_outputs` names computed tensors or constants of the graph that `run` returns beside its outputs.

        Raises ModelCorrupt when the file is no graph or lacks them, DeviceUnavailable when CUDA refuses it.
        """
        self._run_options = ort.RunOptions()
        self.device = device
        try:
            graph = add_outputs(path.read_bytes(), extra_outputs) if extra_outputs else str(path)
            self._ort = ort.InferenceSession(graph, _options(threads, shapes_vary), providers=_providers(device))
        except Exception as cause:  # onnxruntime raises its own pybind types
            raise ModelCorrupt(f"{str(path)!r} does not load: {_first_line(cause)}") from cause
        self.provider: str = self._ort.get_providers()[0]
        if device == "cuda" and self.provider != PROVIDERS["cuda"]:  # onnxruntime falls back with a log line only
            raise DeviceUnavailable(f"CUDA refused {str(path)!r}; ONNX Runtime would have run it on {self.provider}")
        self.input_names = tuple(one.name for one in self._ort.get_inputs())
        self.output_names = tuple(one.name for one in self._ort.get_outputs())

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        try:
            if self.device == "cuda":
                values = self._run_bound(feeds)
            else:
                values = self._ort.run(None, dict(feeds), self._run_options)
        except Exception as cause:
            raise InferenceFailed(f"session failed: {_first_line(cause)}") from cause
        return dict(zip(self.output_names, values, strict=True))

    def _run_bound(self, feeds: Mapping[str, Array]) -> list[Array]:
        """One copy to the device per input, none between nodes, one back per output, one synchronisation."""
        binding = self._ort.io_binding()
        for name, value in feeds.items():
            binding.bind_cpu_input(name, np.ascontiguousarray(value))
        for name in self.output_names:
            binding.bind_output(name, "cuda")
        self._ort.run_with_iobinding(binding, self._run_options)
        return list(binding.copy_outputs_to_cpu())

    def stop(self) -> None:
        self._run_options.terminate = True


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata that a graph's publisher wrote into it, by name; raises ModelCorrupt."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL  # it will not run
    try:
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as cause:
        raise ModelCorrupt(f"{str(path)!r} does not load: {_first_line(cause)}") from cause
    return dict(session.get_modelmeta().custom_metadata_map)


def _options(threads: int, shapes_vary: bool) -> ort.SessionOptions:
    options = ort.SessionOptions()
    # Memory plans keep a block of memory for each shape: half again as much memory for P-Net.
    options.enable_mem_pattern = not shapes_vary
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    # A spinning thread steals the core that the neighbouring session or the decoder needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _providers(device: Device) -> list[str | tuple[str, dict[str, str]]]:
    # The default extension strategy doubles the arena at each growth and never gives it back.
    cpu = (PROVIDERS["cpu"], {"arena_extend_strategy": "kSameAsRequested"})
    if device == "cpu":
        return [cpu]
    cuda = {
        "arena_extend_strategy": "kSameAsRequested",
        "cudnn_conv_algo_search": "HEURISTIC",  # EXHAUSTIVE makes the first run of each shape 10 to 40 times slower
        "cudnn_conv_use_max_workspace": "1",
    }
    return [(PROVIDERS["cuda"], cuda), cpu]


def _first_line(cause: Exception) -> str:
    return str(cause).partition("\n")[0][:300]
