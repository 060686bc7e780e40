"""The findings of the gate about a graph's variants on one machine: `variants.json`, beside the graph.

Figures hold for the graph, processor, libraries and probe pictures that they were measured with, and for no others.
"""

import platform
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.manifest import Manifest
from models.store.store import VARIANTS_FILE, Store
from models.variants.variant import Backend, Precision, Variant

GATE_VERSION = 1  # another one of the gate, its pictures or its thresholds measures anew

_LIBRARIES = ("onnxruntime", "openvino")
_CPU_FACTS = ("vendor_id", "cpu family", "model", "model name", "stepping", "flags", "Features")


class MeasuredOn(BaseModel):
    """`processor` names it and digests its instructions."""

    model_config = ConfigDict(frozen=True)

    graph_sha256: str
    processor: str
    libraries: Mapping[str, str]
    gate: int = GATE_VERSION

    @classmethod
    def here(cls, graph_sha256: str) -> Self:
        return cls(graph_sha256=graph_sha256, processor=describe_processor(), libraries=_library_versions())


class VariantCheck(BaseModel):
    """One variant against the reference: accurate enough where there are no `misses`, each of which is a sentence.

    `speedup` is the reference's CPU time over this one's; `milliseconds` are CPU time of one item, `megabytes` the
    resident memory of one session.
    """

    model_config = ConfigDict(frozen=True)

    backend: Backend
    precision: Precision
    misses: tuple[str, ...]
    figures: Mapping[str, float | None]
    milliseconds: float = Field(default=0.0, ge=0)
    reference_milliseconds: float = Field(default=0.0, ge=0)
    megabytes: float = 0.0
    reference_megabytes: float = 0.0

    @classmethod
    def of_failure(cls, variant: Variant, why: str) -> Self:
        return cls(backend=variant.backend, precision=variant.precision, misses=(why,), figures={})

    @property
    def passed(self) -> bool:
        return not self.misses

    @property
    def speedup(self) -> float:
        return self.reference_milliseconds / self.milliseconds if self.milliseconds else 0.0

    @property
    def variant(self) -> Variant:
        return Variant(self.backend, self.precision)


class VariantRecord(BaseModel):
    model_config = ConfigDict(frozen=True)

    measured_on: MeasuredOn
    checks: tuple[VariantCheck, ...]


def read_checks(store: Store, manifest: Manifest) -> dict[Variant, VariantCheck]:
    """Those that were made on this machine and still hold; raises ModelMissing or ModelCorrupt as the store does."""
    here = MeasuredOn.here(store.graph_sha256(manifest))
    for content in store.read_derived(manifest, VARIANTS_FILE):
        try:
            record = VariantRecord.model_validate_json(content)
        except ValidationError:  # damaged, or of another version: it is measured again
            continue
        if record.measured_on == here:
            return {check.variant: check for check in record.checks}
    return {}


def write_checks(store: Store, manifest: Manifest, checks: Mapping[Variant, VariantCheck]) -> None:
    """Raises OSError where neither the store nor the folder of versions can be written."""
    record = VariantRecord(measured_on=MeasuredOn.here(store.graph_sha256(manifest)), checks=tuple(checks.values()))
    store.write_derived(manifest, VARIANTS_FILE, record.model_dump_json(indent=2))


@cache
def describe_processor() -> str:
    try:
        first, _, _ = Path("/proc/cpuinfo").read_text("utf-8").partition("\n\n")
    except OSError:
        return f"{platform.system()} {platform.machine()} {platform.processor()}"
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in first.splitlines())}
    described = " ".join(f"{name}={facts[name]}" for name in _CPU_FACTS if name in facts)
    name = facts.get("model name", platform.machine())
    return f"{name} {sha256(described.encode()).hexdigest()[:12]}"


def _library_versions() -> dict[str, str]:
    return {name: found for name in _LIBRARIES if (found := _version(name)) is not None}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
