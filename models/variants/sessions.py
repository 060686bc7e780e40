"""Opens sessions of variants, and finds the variants that can run on this machine."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from models.device import Device
from models.runtime.backends.onnxruntime import OnnxRuntimeSession
from models.runtime.session import Session
from models.variants.variant import BFLOAT16, FLOAT32, REFERENCE, Variant


def open_session(
    variant: Variant,
    graph: Path,
    *,
    device: Device = "cpu",
    threads: int = 1,
    shapes_vary: bool = False,
    extra_outputs: Sequence[str] = (),
) -> Session:
    """`extra_outputs` names computed tensors that the session returns beside the graph's outputs.

    Raises ModelCorrupt or DeviceUnavailable.
    """
    if variant.backend == "onnxruntime":
        return OnnxRuntimeSession(
            graph, device=device, threads=threads, shapes_vary=shapes_vary, extra_outputs=extra_outputs
        )
    # Imported here: it may not be installed, and takes a fifth of a second.
    from models.runtime.backends.openvino import OpenVinoSession

    return OpenVinoSession(graph, precision=variant.precision, threads=threads, extra_outputs=extra_outputs)


def find_variants(device: Device) -> tuple[Variant, ...]:
    """All that can run here, the reference first."""
    if device != "cpu" or find_spec("openvino") is None:
        return (REFERENCE,)
    from models.runtime.backends.openvino import has_bfloat16

    return (REFERENCE, FLOAT32, BFLOAT16) if has_bfloat16() else (REFERENCE, FLOAT32)
