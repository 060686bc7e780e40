"""The baseline: a net's activations on the probe images when its graph was new. Later inspections compare with it.

Stored as `kernels.json` beside the graph. It is created at export, or at the first inspection of a graph that was
published as ONNX: in both cases from a file whose hash is the recorded one, so that damage cannot become the norm.
"""

import logging
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from models.errors import ModelCorrupt
from models.kernels.activation_probe import ActivationProbe, KernelActivations, LayerActivations, merge_activations
from models.kernels.probe_images import PROBE_IMAGES_VERSION, draw_probe_images, to_items
from models.manifest import Manifest
from models.store.store import BASELINE_FILE, Store

log = logging.getLogger(__name__)

# A kernel's deviation counts as at least this share of its layer's median: a nearly constant kernel may move a little.
_MIN_DEVIATION = 0.1
_MAX_DISTANCE = 10.0  # deviations; larger distances of one kernel would say no more

Floats = NDArray[np.float32]


class LayerBaseline(BaseModel):
    """Mean and standard deviation of each kernel's activations, as base64 of little-endian float32."""

    model_config = ConfigDict(frozen=True)

    means: str
    deviations: str

    @classmethod
    def of(cls, activations: KernelActivations) -> Self:
        return cls(means=_pack(activations.mean), deviations=_pack(activations.deviation))

    def drift(self, activations: KernelActivations) -> float:
        """How far activations have moved, in deviations: 0 for none, 10 at most.

        For each kernel sqrt((mean - mean₀)² + (deviation - deviation₀)²) / deviation₀, the 2-Wasserstein distance of
        two normal distributions in units of the first one's deviation; for the layer the root of the mean square.
        """
        means, deviations = _unpack(self.means), _unpack(self.deviations)
        moved = np.hypot(activations.mean.astype("<f4") - means, activations.deviation.astype("<f4") - deviations)
        units = np.maximum(deviations, max(_MIN_DEVIATION * float(np.median(deviations)), 1e-6))
        return float(np.sqrt(np.mean(np.square(np.minimum(moved / units, _MAX_DISTANCE)))))


class KernelBaseline(BaseModel):
    """All layers of one graph file, on version `pictures` of the probe images."""

    model_config = ConfigDict(frozen=True)

    graph_sha256: str
    pictures: int
    layers: Mapping[str, LayerBaseline]

    @classmethod
    def of(cls, activations: LayerActivations, graph_sha256: str) -> Self:
        layers = {name: LayerBaseline.of(one) for name, one in activations.items()}
        return cls(graph_sha256=graph_sha256, pictures=PROBE_IMAGES_VERSION, layers=layers)


def load_or_create_baseline(store: Store, manifest: Manifest, activations: LayerActivations) -> KernelBaseline | None:
    """The stored baseline; where there is none, one of `activations` on the probe images, which is then stored.

    None where there is none and the graph is not the recorded one. Raises ModelMissing or ModelCorrupt as the
    store does.
    """
    sha256 = store.graph_sha256(manifest)
    for stored in _list_stored(store, manifest):
        if stored.graph_sha256 == sha256 and stored.pictures == PROBE_IMAGES_VERSION:
            return stored
    try:
        store.check_graph(manifest)
    except ModelCorrupt as problem:
        log.warning("no baseline of the kernels of %s: %s", manifest.id, problem)
        return None
    baseline = KernelBaseline.of(activations, sha256)
    try:
        store.write_derived(manifest, BASELINE_FILE, baseline.model_dump_json())
    except OSError as problem:  # all is mounted read-only: then the baseline is created at each start
        log.info("the baseline of the kernels of %s is not stored: %s", manifest.id, problem)
    return baseline


def create_baseline(store: Store, manifest: Manifest) -> None:
    """For a graph that is new in the store; raises KernelsUnavailable and what the store raises."""
    probe = ActivationProbe.open(manifest, store.graph(manifest))
    activations = merge_activations(probe.measure(one) for one in to_items(draw_probe_images(), manifest.input))
    load_or_create_baseline(store, manifest, activations)


def _list_stored(store: Store, manifest: Manifest) -> Iterator[KernelBaseline]:
    for content in store.read_derived(manifest, BASELINE_FILE):
        with suppress(ValidationError):  # written by another version of KernelSight: a new one is created
            yield KernelBaseline.model_validate_json(content)


def _pack(values: NDArray[np.float64]) -> str:
    return b64encode(values.astype("<f4").tobytes()).decode("ascii")


def _unpack(text: str) -> Floats:
    return np.frombuffer(b64decode(text), "<f4")
