"""The errors that `models/` raises, one class for each kind.

KernelSightError
├── ModelUnknown        no manifest of that name
├── ModelMissing        known, but its files are not in the store
├── ModelCorrupt        a file in the store is not the recorded one
├── SourceFailed        no source could give the file
├── ExportFailed        the graph differs from the PyTorch module it came from
├── DeviceUnavailable   CUDA was asked for and is not there
├── TensorRejected      a tensor that breaks the model's input contract
├── InferenceFailed     the session raised, or never came back
├── ExplanationUnavailable   a model's answers cannot be traced to regions of the picture
├── KernelsUnavailable  a graph has no kernels that can be inspected
├── LayerUnknown        no convolution layer of that name
├── Overloaded          the request queue is full: try again later
└── DeadlineExceeded    the caller no longer waits for the answer

The message is for people and may change; the class (and the `code` that the
service derives from it) is part of the API and does not.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar


class KernelSightError(Exception):
    """Root of every error that KernelSight raises on purpose."""

    code: ClassVar[str] = "internal"
    facts: Mapping[str, Any] = {}  # machine-readable details beside the message


class ModelUnknown(KernelSightError):
    code = "model-unknown"

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"no model {name!r} in the catalog; known: {', '.join(known)}")


class ModelMissing(KernelSightError):
    code = "model-missing"

    def __init__(self, name: str, problem: str, command: str) -> None:
        super().__init__(f"model {name!r}: {problem}; get it with: {command}")


class ModelCorrupt(KernelSightError):
    code = "model-corrupt"


class SourceFailed(KernelSightError):
    code = "source-failed"


class ExportFailed(KernelSightError):
    code = "export-failed"


class DeviceUnavailable(KernelSightError):
    code = "device-unavailable"


class TensorRejected(KernelSightError):
    code = "tensor-rejected"


class InferenceFailed(KernelSightError):
    code = "inference-failed"


class ExplanationUnavailable(KernelSightError):
    code = "explanation-unavailable"

    def __init__(self, model: str, why: str) -> None:
        super().__init__(f"answers of {model!r} cannot be traced to places of the picture: {why}")


class KernelsUnavailable(KernelSightError):
    code = "kernels-unavailable"

    def __init__(self, model: str, why: str) -> None:
        super().__init__(f"kernels of {model!r} cannot be looked at: {why}")


class LayerUnknown(KernelSightError):
    code = "layer-unknown"

    def __init__(self, model: str, layer: str, known: Iterable[str]) -> None:
        super().__init__(f"{model!r} has no convolution layer {layer!r}; known: {', '.join(known)}")


class Overloaded(KernelSightError):
    """`retry_seconds` is how long the queued work is expected to take."""

    code = "overloaded"

    def __init__(self, what: str, limit: int, retry_seconds: float = 1.0) -> None:
        super().__init__(f"{what} has {limit} waiting already; try again in {retry_seconds:.0f} s")
        self.retry_seconds = retry_seconds


class DeadlineExceeded(KernelSightError):
    code = "deadline-exceeded"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} was not done before its deadline")
