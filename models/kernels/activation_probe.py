"""A net with all its convolutions' activations as outputs: a session of its own, beside those that serve."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.kernels.layers import Layer, layers_of
from models.manifest import Manifest
from models.onnx_graph import Graph
from models.runtime.session import Array, Session

Doubles = NDArray[np.float64]

_NEAR = 1e-4  # of a ceiling: so close to it is at it


@dataclass(frozen=True, slots=True, eq=False)
class Activations:
    """Of `values` numbers per kernel: (kernels,) each. `spread` is the sum of squared distances from the mean."""

    values: int
    mean: Doubles
    spread: Doubles
    low: Doubles
    high: Doubles
    active: Doubles  # how many are above zero
    full: Doubles  # how many are at the ceiling, where there is one

    @classmethod
    def of(cls, seen: Array, ceiling: float | None) -> Self:
        """`seen` is (N, kernels, height, width)."""
        rows = seen.swapaxes(0, 1).reshape(seen.shape[1], -1)
        mean = rows.mean(1, dtype=np.float64)
        return cls(
            values=rows.shape[1],
            mean=mean,
            spread=np.square(rows - mean[:, None].astype(rows.dtype)).sum(1, dtype=np.float64),
            low=rows.min(1).astype(np.float64),
            high=rows.max(1).astype(np.float64),
            active=_count(rows > 0),
            full=np.zeros_like(mean) if ceiling is None else _count(rows >= ceiling * (1 - _NEAR)),
        )

    def and_of(self, other: Self) -> Self:
        """Both together, as if seen at once (T. Chan, G. Golub and R. LeVeque, 1979)."""
        values, apart = self.values + other.values, other.mean - self.mean
        return type(self)(
            values=values,
            mean=self.mean + apart * (other.values / values),
            spread=self.spread + other.spread + np.square(apart) * (self.values * other.values / values),
            low=np.minimum(self.low, other.low),
            high=np.maximum(self.high, other.high),
            active=self.active + other.active,
            full=self.full + other.full,
        )

    @property
    def deviation(self) -> Doubles:
        return np.sqrt(self.spread / self.values)

    @property
    def dead(self) -> NDArray[np.bool_]:
        """Kernels that always say the same: behind a ReLU mostly zero, never active."""
        span = self.high - self.low
        still: NDArray[np.bool_] = span <= 1e-5 * max(float(span.max()), 1e-12)
        return still


def _count(which: NDArray[np.bool_]) -> Doubles:
    counted: Doubles = np.count_nonzero(which, axis=1).astype(np.float64)
    return counted


Seen = Mapping[str, Activations]  # by a layer's name


@dataclass(frozen=True, eq=False)
class Microscope:
    """Takes one thread, and as much memory as all activations of one item."""

    manifest: Manifest
    layers: tuple[Layer, ...]
    session: Session

    @classmethod
    def open(cls, manifest: Manifest, graph: Path) -> Self:
        """On the CPU, where the numbers are the same whatever serves; raises KernelsUnavailable or ModelCorrupt."""
        layers = tuple(layers_of(manifest.id, Graph.read(manifest.id, graph)))
        declared = {output.name for output in manifest.outputs}
        inner = dict.fromkeys(layer.seen for layer in layers if layer.seen not in declared)
        return cls(manifest, layers, Session(graph, device="cpu", inner=tuple(inner)))

    def look(self, item: Array) -> Seen:
        """At one item without batch axis, as `pictures.item` makes it.

        Layers behind a pooling over the whole picture are left out: of one number per kernel and picture nothing
        follows. Raises InferenceFailed.
        """
        answers = self.session.run({self.manifest.input.name: item[None]})
        maps = ((layer, answers[layer.seen]) for layer in self.layers)
        return {layer.name: Activations.of(one, layer.ceiling) for layer, one in maps if one[0, 0].size > 1}

    def maps(self, item: Array, layer: Layer) -> Array:
        """(kernels, height, width) activations of a layer; raises InferenceFailed."""
        maps: Array = self.session.run({self.manifest.input.name: item[None]})[layer.seen][0]
        return maps


def together(looks: Iterable[Seen]) -> Seen:
    """Several looks as one."""
    return reduce(lambda one, other: {name: one[name].and_of(other[name]) for name in one if name in other}, looks)
