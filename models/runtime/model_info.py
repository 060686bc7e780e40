"""What can be told of a model that this process runs: its facts, and how it stands now."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.manifest import Manifest
from models.onnx_proto import weight_precision
from models.priority import Priority
from models.runtime.session import PROVIDERS, Device


@dataclass(frozen=True, slots=True)
class Served:
    """`sha256` and `bytes` are those of the graph's file, `provider` and `precision` as ONNX Runtime and ONNX say."""

    id: str
    version: int
    sha256: str
    provider: str
    precision: str
    bytes: int

    @classmethod
    def of(cls, manifest: Manifest, graph: Path, sha256: str, device: Device) -> "Served":
        """Reads the whole file."""
        data = graph.read_bytes()
        return cls(manifest.id, manifest.version, sha256, PROVIDERS[device], weight_precision(data), len(data))


@dataclass(frozen=True, slots=True)
class Standing:
    """`waiting` requests by priority, the oldest of them for `oldest_seconds`; `respawns` since the start."""

    served: Served
    load_seconds: float
    waiting: Mapping[Priority, int]
    oldest_seconds: float
    lanes: int
    busy: int
    respawns: int
