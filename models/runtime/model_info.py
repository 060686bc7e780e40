"""Facts about a model that this process runs, and its current status."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.device import PROVIDERS, Device
from models.manifest import Manifest
from models.onnx_proto import find_weight_precision
from models.priority import Priority


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """`sha256` and `bytes` are those of the graph's file, `provider` and `precision` as ONNX Runtime and ONNX say."""

    id: str
    version: int
    sha256: str
    provider: str
    precision: str
    bytes: int

    @classmethod
    def of(cls, manifest: Manifest, graph: Path, sha256: str, device: Device) -> "ModelInfo":
        """Reads the whole file."""
        data = graph.read_bytes()
        return cls(manifest.id, manifest.version, sha256, PROVIDERS[device], find_weight_precision(data), len(data))


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
