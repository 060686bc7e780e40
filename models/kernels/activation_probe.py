"""Measures the activations of all convolutions of a net, in a session of its own beside those that serve."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.arrays import Array
from models.kernels.layers import ConvLayer, find_conv_layers
from models.manifest import Manifest
from models.onnx_graph import OnnxGraph
from models.runtime.backends.onnxruntime import OnnxRuntimeSession

Doubles = NDArray[np.float64]

_NEAR = 1e-4  # of a ceiling: values this close count as being at it


@dataclass(frozen=True, slots=True, eq=False)
class KernelActivations:
    """Statistics over `values` numbers per kernel, as arrays of shape (kernels,).

    `spread` is the sum of squared distances from the mean.
    """

    values: int
    mean: Doubles
    spread: Doubles
    low: Doubles
    high: Doubles
    active: Doubles  # how many values are above zero
    at_ceiling: Doubles  # how many values are at the ceiling, where there is one

    @classmethod
    def of(cls, activations: Array, ceiling: float | None) -> Self:
        """`activations` is (N, kernels, height, width)."""
        rows = activations.swapaxes(0, 1).reshape(activations.shape[1], -1)
        mean = rows.mean(1, dtype=np.float64)
        return cls(
            values=rows.shape[1],
            mean=mean,
            spread=np.square(rows - mean[:, None].astype(rows.dtype)).sum(1, dtype=np.float64),
            low=rows.min(1).astype(np.float64),
            high=rows.max(1).astype(np.float64),
            active=_count(rows > 0),
            at_ceiling=np.zeros_like(mean) if ceiling is None else _count(rows >= ceiling * (1 - _NEAR)),
        )

    def merge_with(self, other: Self) -> Self:
        """The statistics over both sets of values (T. Chan, G. Golub and R. LeVeque, 1979)."""
        values, distance = self.values + other.values, other.mean - self.mean
        return type(self)(
            values=values,
            mean=self.mean + distance * (other.values / values),
            spread=self.spread + other.spread + np.square(distance) * (self.values * other.values / values),
            low=np.minimum(self.low, other.low),
            high=np.maximum(self.high, other.high),
            active=self.active + other.active,
            at_ceiling=self.at_ceiling + other.at_ceiling,
        )

    @property
    def deviation(self) -> Doubles:
        return np.sqrt(self.spread / self.values)

    @property
    def dead(self) -> NDArray[np.bool_]:
        """Kernels whose activation is constant: behind a ReLU mostly zero, never active."""
        span = self.high - self.low
        is_constant: NDArray[np.bool_] = span <= 1e-5 * max(float(span.max()), 1e-12)
        return is_constant


def _count(which: NDArray[np.bool_]) -> Doubles:
    counted: Doubles = np.count_nonzero(which, axis=1).astype(np.float64)
    return counted


LayerActivations = Mapping[str, KernelActivations]  # by a layer's name


@dataclass(frozen=True, eq=False)
class ActivationProbe:
    """Takes one thread, and as much memory as all activations of one item."""

    manifest: Manifest
    layers: tuple[ConvLayer, ...]
    session: OnnxRuntimeSession

    @classmethod
    def open(cls, manifest: Manifest, graph: Path) -> Self:
        """On the CPU, where the numbers are the same whatever serves; raises KernelsUnavailable or ModelCorrupt."""
        layers = tuple(find_conv_layers(manifest.id, OnnxGraph.read(manifest.id, graph)))
        declared = {output.name for output in manifest.outputs}
        tensors = dict.fromkeys(layer.activation_tensor for layer in layers)
        undeclared = tuple(name for name in tensors if name not in declared)
        return cls(manifest, layers, OnnxRuntimeSession(graph, device="cpu", extra_outputs=undeclared))

    def measure(self, item: Array) -> LayerActivations:
        """The statistics of one item without batch axis, as `probe_images.to_item` makes it.

        Layers behind a pooling over the whole picture are left out: one number per kernel and picture tells nothing.
        Raises InferenceFailed.
        """
        answers = self.session.run({self.manifest.input.name: item[None]})
        maps = ((layer, answers[layer.activation_tensor]) for layer in self.layers)
        return {layer.name: KernelActivations.of(one, layer.ceiling) for layer, one in maps if one[0, 0].size > 1}

    def activation_maps(self, item: Array, layer: ConvLayer) -> Array:
        """(kernels, height, width) activations of a layer; raises InferenceFailed."""
        maps: Array = self.session.run({self.manifest.input.name: item[None]})[layer.activation_tensor][0]
        return maps


def merge_activations(measured: Iterable[LayerActivations]) -> LayerActivations:
    return reduce(
        lambda one, other: {name: one[name].merge_with(other[name]) for name in one if name in other}, measured
    )
