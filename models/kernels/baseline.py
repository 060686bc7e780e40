"""A net's activations on the drawn pictures when its graph was new: what later looks are compared with.

Kept as `kernels.json` beside the graph. It is made at export, or at the first look at a graph that came as it is:
in both cases of a file whose hash is the recorded one, so that damage cannot become the norm.
"""

import logging
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from models.errors import ModelCorrupt
from models.kernels.activation_probe import Activations, Microscope, Seen, together
from models.kernels.probe_images import VERSION, drawn, items
from models.manifest import Manifest
from models.store.store import Store

log = logging.getLogger(__name__)

# A channel's deviation counts for at least this much of its layer's median: what hardly moved may move a little.
_LEAST = 0.1
_FURTHEST = 10.0  # deviations; a kernel further away than that is simply elsewhere

Floats = NDArray[np.float32]


class LayerProfile(BaseModel):
    """Mean and standard deviation of each kernel's activations, as base64 of little-endian float32."""

    model_config = ConfigDict(frozen=True)

    means: str
    deviations: str

    @classmethod
    def of(cls, seen: Activations) -> Self:
        return cls(means=_packed(seen.mean), deviations=_packed(seen.deviation))

    def drift(self, seen: Activations) -> float:
        """How far activations have moved, in deviations: 0 for none, 10 at most.

        Of each kernel sqrt((mean - mean₀)² + (deviation - deviation₀)²) / deviation₀, the 2-Wasserstein distance of
        two normal distributions in units of the first one's deviation; of the layer the root of the mean square.
        """
        means, deviations = _unpacked(self.means), _unpacked(self.deviations)
        moved = np.hypot(seen.mean.astype("<f4") - means, seen.deviation.astype("<f4") - deviations)
        units = np.maximum(deviations, max(_LEAST * float(np.median(deviations)), 1e-6))
        return float(np.sqrt(np.mean(np.square(np.minimum(moved / units, _FURTHEST)))))


class KernelProfile(BaseModel):
    """Of one graph file, on one version of the drawn pictures."""

    model_config = ConfigDict(frozen=True)

    graph_sha256: str
    pictures: int
    layers: Mapping[str, LayerProfile]

    @classmethod
    def of(cls, seen: Seen, graph_sha256: str) -> Self:
        layers = {name: LayerProfile.of(one) for name, one in seen.items()}
        return cls(graph_sha256=graph_sha256, pictures=VERSION, layers=layers)


def kept_profile(store: Store, manifest: Manifest, seen: Seen) -> KernelProfile | None:
    """The stored profile, or one of `seen`, the activations on the drawn pictures, which is stored then.

    None where there is none and the graph is not the recorded one. Raises ModelMissing or ModelCorrupt as the
    store does.
    """
    sha256 = store.graph_sha256(manifest)
    if (found := _stored(store, manifest)) and (found.graph_sha256, found.pictures) == (sha256, VERSION):
        return found
    try:
        store.check_graph(manifest)
    except ModelCorrupt as problem:
        log.warning("no profile of the kernels of %s: %s", manifest.id, problem)
        return None
    profile = KernelProfile.of(seen, sha256)
    try:
        store.add_profile(manifest, profile.model_dump_json())
    except OSError as problem:  # a store that is mounted to be read only: then it is made at each start
        log.info("the profile of the kernels of %s is not kept: %s", manifest.id, problem)
    return profile


def make_profile(store: Store, manifest: Manifest) -> None:
    """Look at a graph that is new in the store; raises KernelsUnavailable and what the store raises."""
    microscope = Microscope.open(manifest, store.graph(manifest))
    kept_profile(store, manifest, together(microscope.look(one) for one in items(drawn(), manifest.input)))


def _stored(store: Store, manifest: Manifest) -> KernelProfile | None:
    text = store.profile(manifest)
    try:
        return KernelProfile.model_validate_json(text) if text else None
    except ValidationError:
        return None  # of another version: it is made anew


def _packed(values: NDArray[np.float64]) -> str:
    return b64encode(values.astype("<f4").tobytes()).decode("ascii")


def _unpacked(text: str) -> Floats:
    return np.frombuffer(b64decode(text), "<f4")
