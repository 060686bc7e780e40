"""Facts about a model that this process runs, and its current status."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.device import Device
from models.manifest import Manifest
from models.onnx_proto import find_weight_precision
from models.priority import Priority
from models.variants.variant import Backend, Variant


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """`sha256` and `bytes` are those of the graph's file. `provider` is what computes, by its backend's name for it.

    `precision` is that of the weights, or, where computing is in a lower one, of that.
    """

    id: str
    version: int
    sha256: str
    provider: str
    precision: str
    bytes: int
    backend: Backend = "onnxruntime"

    @classmethod
    def of(cls, manifest: Manifest, graph: Path, sha256: str, device: Device, variant: Variant) -> "ModelInfo":
        """Reads the whole file."""
        data = graph.read_bytes()
        precision = find_weight_precision(data) if variant.precision == "float32" else variant.precision
        provider = variant.provider(device)
        return cls(manifest.id, manifest.version, sha256, provider, precision, len(data), variant.backend)


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """`waiting` requests by priority, the oldest of them for `oldest_seconds`; `respawns` since the start."""

    model_info: ModelInfo
    load_seconds: float
    waiting: Mapping[Priority, int]
    oldest_seconds: float
    workers: int
    busy: int
    respawns: int
